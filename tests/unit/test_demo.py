"""`demo` on a machine where the usual places cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from kulti_ops.commands import demo
from kulti_ops.edge import Invocation
from kulti_ops.errors import ConfigError
from kulti_ops.options import CommonOptions
from kulti_ops.progress import SILENT

if TYPE_CHECKING:
    from pathlib import Path

INSTALLED = cast("Any", "an installation")


@pytest.fixture(autouse=True)
def _no_usual_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let a server be installed below `tmp_path` only."""

    def install(cache_dir: Path) -> Any:
        if not cache_dir.is_relative_to(tmp_path):
            raise ConfigError(f"the cache folder {cache_dir} can't be made: Permission denied")
        return INSTALLED

    monkeypatch.setattr("kulti_ops.sandbox.server.sandbox_installation", install)
    monkeypatch.setattr(demo, "installations_of", lambda _: (INSTALLED,))
    monkeypatch.delenv("KULTI_OPS_CACHE_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


def invocation() -> Invocation:
    common = CommonOptions(format=None, output=None)
    return Invocation(command="demo", now=datetime.now(UTC), common=common, progress=SILENT)


def test_demo_without_a_home_keeps_everything_in_its_own_folder(tmp_path: Path) -> None:
    places = demo._places(invocation(), tmp_path)
    assert (places.server, places.places.cache_dir) == (INSTALLED, tmp_path / "cache")


def test_demo_with_a_chosen_cache_that_cannot_be_used_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KULTI_OPS_CACHE_DIR", "/chosen")
    with pytest.raises(ConfigError, match="/chosen"):
        demo._places(invocation(), tmp_path)


def test_demo_says_where_the_program_is_unless_its_name_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", [".venv/bin/kulti-ops"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ".venv/bin/kulti-ops" in demo._text(())
    program = tmp_path / "kulti-ops"
    program.touch(mode=0o755)
    assert ".venv" not in demo._text(())
