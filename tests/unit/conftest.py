"""The S3 servers, for the tests of storages and of what is kept there."""

from __future__ import annotations

from tests.s3server import moto, swift

__all__ = ("moto", "swift")
