"""Flows: what strings several features together."""
