"""Verification: prove that a backup's bytes, contents and restored copy are what was dumped."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """How deep a verification looks."""

    QUICK = "quick"
    CONTENTS = "contents"


class Proof(StrEnum):
    """How far a backup has to be proven to count."""

    VERIFIED = "verified"
    DRILLED = "drilled"
