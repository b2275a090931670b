"""Restores: plan, run and drill them; never makes backups itself."""
