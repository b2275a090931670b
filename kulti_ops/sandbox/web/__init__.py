"""The sandbox's stand-in for the platform's HTTP surface and for the vendors' status pages."""
