"""Storages that hold backups, one file each behind one interface."""
