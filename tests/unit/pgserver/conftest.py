from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def session_dir() -> Iterator[Path]:
    """A folder that others can enter, which pytest's own temporary ones are not."""
    root = Path(tempfile.mkdtemp(prefix="kulti-unit-"))
    root.chmod(0o711)
    yield root
    shutil.rmtree(root)
