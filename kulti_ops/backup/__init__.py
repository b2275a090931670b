"""Backups: create, list, describe and keep them; never restores."""
