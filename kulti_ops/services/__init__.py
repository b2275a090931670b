"""Clients of the vendors' services, one file each: addresses in, values out."""
