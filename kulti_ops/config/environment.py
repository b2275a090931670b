"""The environment itself: what libpq reads, what child processes inherit."""

from __future__ import annotations

import os


def libpq_environment() -> dict[str, str]:
    """Return libpq's own variables (PGSERVICE, PGPASSFILE, …) that are set."""
    return {key: value for key, value in os.environ.items() if key.startswith("PG") and value}


def base_environment() -> dict[str, str]:
    """Return what child processes inherit: no libpq variables, no settings, no secrets."""
    kept = (
        "PATH",
        "HOME",
        "TMPDIR",
        "TZ",
        "LANG",
        "LD_LIBRARY_PATH",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    )
    return {"LC_ALL": "C", **{key: os.environ[key] for key in kept if key in os.environ}}


def search_path() -> str:
    """Return PATH."""
    return os.environ.get("PATH", os.defpath)
