"""Smoke tests: probes of a deployed site, without side effects."""
