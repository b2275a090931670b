from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kulti_ops import pgtools
from kulti_ops.errors import ConfigError
from kulti_ops.pgtools import Installation

if TYPE_CHECKING:
    from pytest_mock import MockerFixture


def make_tools(
    folder: Path, said: str, *, names: tuple[str, ...] = pgtools.REQUIRED_TOOLS, code: int = 0
) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        tool = folder / name
        tool.write_text(f"#!/bin/sh\necho run >> {folder}/calls\necho '{said}'\nexit {code}\n")
        tool.chmod(0o755)
    return folder


@pytest.fixture
def bare(mocker: MockerFixture) -> None:
    """No system folders and no embedded wheel: only what the test makes."""
    mocker.patch.object(pgtools, "SYSTEM_PATTERNS", ())
    mocker.patch.object(pgtools, "embedded_bin_dir", return_value=None)


def installed(major: int, origin: pgtools.Origin, version: str = "") -> Installation:
    name = f"/opt/{origin}/{version or major}"
    return Installation(Path(name), major, version or f"{major}.1", origin)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("said", "version", "major"),
    [
        ("pg_dump (PostgreSQL) 17.10", "17.10", 17),
        ("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18", 15),
        ("pg_dump (PostgreSQL) 18beta1", "18beta1", 18),
    ],
)
def test_find_installations_on_path_reads_version(
    tmp_path: Path, said: str, version: str, major: int
) -> None:
    folder = make_tools(tmp_path / "bin", said)
    found = pgtools.find_installations(None, search_path=f"/nonexistent:{folder}")
    assert found == (Installation(folder, major, version, "system"),)


@pytest.mark.usefixtures("bare")
def test_find_installations_same_folder_twice_lists_it_once(tmp_path: Path) -> None:
    folder = make_tools(tmp_path / "bin", "pg_dump (PostgreSQL) 17.1")
    (tmp_path / "link").symlink_to(folder)
    found = pgtools.find_installations(folder, search_path=f"{folder}:{tmp_path / 'link'}")
    assert [one.origin for one in found] == ["configured"]


@pytest.mark.usefixtures("bare")
def test_find_installations_asked_twice_runs_pg_dump_once(tmp_path: Path) -> None:
    folder = make_tools(tmp_path / "bin", "pg_dump (PostgreSQL) 17.1")
    for _ in range(2):
        pgtools.find_installations(None, search_path=str(folder))
    assert (folder / "calls").read_text().splitlines() == ["run"]


@pytest.mark.usefixtures("bare")
def test_find_installations_incomplete_folder_is_only_named(tmp_path: Path) -> None:
    folder = make_tools(tmp_path / "bin", "pg_dump (PostgreSQL) 17.1", names=("pg_dump", "psql"))
    assert pgtools.find_installations(None, search_path=str(folder)) == ()
    (unusable,) = pgtools.find_unusable(None, search_path=str(folder))
    assert unusable.reason == f"no pg_restore in {folder}"


@pytest.mark.usefixtures("bare")
def test_find_installations_failing_pg_dump_is_only_named(tmp_path: Path) -> None:
    folder = make_tools(tmp_path / "bin", "pg_dump (PostgreSQL) 17.1", code=127)
    assert pgtools.find_installations(None, search_path=str(folder)) == ()
    (unusable,) = pgtools.find_unusable(None, search_path=str(folder))
    assert "ended with code 127" in unusable.reason


@pytest.mark.usefixtures("bare")
def test_find_installations_hanging_pg_dump_is_only_named(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    mocker.patch.object(pgtools, "PROBE_TIMEOUT_S", 0.05)
    folder = make_tools(tmp_path / "bin", "unused")
    (folder / "pg_dump").write_text("#!/bin/sh\nexec sleep 5\n")
    (unusable,) = pgtools.find_unusable(None, search_path=str(folder))
    assert "no answer" in unusable.reason


@pytest.mark.usefixtures("bare")
def test_find_installations_debian_wrapper_is_passed_over(tmp_path: Path) -> None:
    shared = make_tools(tmp_path / "share", "pg_dump (PostgreSQL) 17.1", names=("pg_wrapper",))
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in pgtools.REQUIRED_TOOLS:
        (folder / name).symlink_to(shared / "pg_wrapper")
    assert pgtools.find_installations(None, search_path=str(folder)) == ()


@pytest.mark.usefixtures("bare")
def test_find_installations_versioned_system_folder_is_found(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    folder = make_tools(tmp_path / "17" / "bin", "pg_dump (PostgreSQL) 17.1")
    mocker.patch.object(pgtools, "SYSTEM_PATTERNS", (f"{tmp_path}/*/bin",))
    assert [one.bin_dir for one in pgtools.find_installations(None, search_path="")] == [folder]


@pytest.mark.usefixtures("bare")
def test_find_installations_configured_without_tools_is_an_error_naming_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        pgtools.find_installations(tmp_path, search_path="")
    assert str(tmp_path) in caught.value.message


@pytest.mark.usefixtures("bare")
def test_find_installations_configured_parent_hints_at_its_bin(tmp_path: Path) -> None:
    make_tools(tmp_path / "bin", "pg_dump (PostgreSQL) 17.1")
    with pytest.raises(ConfigError) as caught:
        pgtools.find_installations(tmp_path, search_path="")
    assert str(tmp_path / "bin") in caught.value.hint


@pytest.mark.usefixtures("bare")
def test_version_probe_ignores_the_callers_locale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    folder = make_tools(tmp_path / "bin", "unused")
    (folder / "pg_dump").write_text('#!/bin/sh\necho "x (PostgreSQL) 17.$LC_ALL"\n')
    (one,) = pgtools.find_installations(None, search_path=str(folder))
    assert one.version == "17.C"


@pytest.mark.parametrize(
    ("offered", "server_major", "expected"),
    [
        ([(15, "system"), (17, "embedded"), (18, "configured")], 17, (17, "embedded")),
        ([(17, "system"), (17, "embedded")], 17, (17, "embedded")),
        ([(17, "system"), (17, "embedded"), (17, "configured")], 17, (17, "configured")),
        ([(15, "system"), (17, "embedded")], 15, (15, "system")),
        ([(15, "system"), (18, "system")], 16, (18, "system")),
    ],
)
def test_choose_takes_lowest_fitting_major_then_preference(
    offered: list[tuple[int, pgtools.Origin]],
    server_major: int,
    expected: tuple[int, pgtools.Origin],
) -> None:
    chosen = pgtools.choose([installed(*one) for one in offered], server_major=server_major)
    assert (chosen.major, chosen.origin) == expected


def test_choose_among_equals_takes_newest_minor() -> None:
    offered = [installed(17, "system", "17.9"), installed(17, "system", "17.10")]
    assert pgtools.choose(offered, server_major=17).version == "17.10"


def test_choose_without_fitting_names_found_and_what_to_install() -> None:
    with pytest.raises(ConfigError) as caught:
        pgtools.choose([installed(15, "system")], server_major=17)
    assert "15.1 (system, /opt/system/15)" in caught.value.message
    assert "kulti-ops[embedded]" in caught.value.hint
    assert "postgresql-client-17" in caught.value.hint


def test_choose_without_any_says_none() -> None:
    with pytest.raises(ConfigError, match="found: none"):
        pgtools.choose([], server_major=17)


def test_choose_configured_too_old_is_an_error_even_when_another_fits() -> None:
    with pytest.raises(ConfigError) as caught:
        pgtools.choose([installed(15, "configured"), installed(17, "embedded")], server_major=17)
    assert "/opt/configured/15" in caught.value.message


def test_tool_absent_is_an_error_naming_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no pgbench in"):
        Installation(tmp_path, 17, "17.1", "system").tool("pgbench")


def test_embedded_installation_holds_a_whole_17() -> None:
    found = pgtools.find_installations(None, search_path=os.defpath)
    (embedded,) = [one for one in found if one.origin == "embedded"]
    assert embedded.major == 17
    assert embedded.tool("pg_restore").is_file()
