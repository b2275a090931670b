"""Renderers: turn a report into text, one file per format; they decide nothing."""
