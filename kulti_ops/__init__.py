"""kulti-ops: operations and backup toolkit for the Kulti live-video platform."""

__version__ = "0.1.0"
