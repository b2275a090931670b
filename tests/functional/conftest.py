"""Real servers for the functional tests, as root and as an ordinary user alike."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kulti_ops.pgserver import server_installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.pgtools import Installation


@pytest.fixture(scope="session")
def session_root() -> Iterator[Path]:
    """A short path that the server's account can enter, which pytest's own is not."""
    root = Path(tempfile.mkdtemp(prefix="kulti-test-"))
    root.chmod(0o711)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def server_root(session_root: Path) -> Iterator[Path]:
    """A fresh folder for one test's servers."""
    root = Path(tempfile.mkdtemp(dir=session_root))
    root.chmod(0o711)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def server_install(session_root: Path) -> Installation:
    """The embedded PostgreSQL, copied once per session."""
    return server_installation(session_root / "cache")
