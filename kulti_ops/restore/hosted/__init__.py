"""Restoring into a hosted project: as `postgres`, without superuser, in one transaction."""
