"""Verification: prove that a backup's bytes, contents and restored copy are what was dumped."""
