"""Encryption with age: what is sealed to recipients is opened by an identity.

Adapter over `pyrage`, which is loaded when something is sealed or opened.
"""

from __future__ import annotations

from kulti_ops.sealing.keys import (
    IDENTITY_FILE_SETTING,
    IDENTITY_SETTING,
    MOST_RECIPIENTS,
    NO_IDENTITIES,
    RECIPIENTS_SETTING,
    Identities,
    LockedError,
    describe,
    identities_of,
    parse_recipients,
)
from kulti_ops.sealing.streams import Sealer, Unsealed, open_sealed, opens, seal

SUFFIX = ".age"
OVERHEAD_BYTES = 64 * 1024  # of the header and the chunks' tags, for limits of small objects

__all__ = [
    "IDENTITY_FILE_SETTING",
    "IDENTITY_SETTING",
    "MOST_RECIPIENTS",
    "NO_IDENTITIES",
    "OVERHEAD_BYTES",
    "RECIPIENTS_SETTING",
    "SUFFIX",
    "Identities",
    "LockedError",
    "Sealer",
    "Unsealed",
    "describe",
    "identities_of",
    "open_sealed",
    "opens",
    "parse_recipients",
    "seal",
]
