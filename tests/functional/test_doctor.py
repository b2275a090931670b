"""The doctor on real servers and folders: what is broken is named, the rest is still looked at."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.config import load_settings
from kulti_ops.flows.doctor import Surroundings, run_doctor
from kulti_ops.pgserver import pick_free_port
from kulti_ops.report import Verdict
from tests.functional.support import ROOT, as_ordinary_user

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kulti_ops.report import CheckResult
    from kulti_ops.sandbox.lifecycle import SandboxInfo
    from tests.functional.conftest import Database

DEPENDENT = ("server-version", "role-rights", "clock")


@pytest.fixture
def machine(
    monkeypatch: pytest.MonkeyPatch, server_root: Path, session_root: Path
) -> pytest.MonkeyPatch:
    """A machine of its own: no settings but these folders, in an empty working directory."""
    for name in tuple(os.environ):
        if name.startswith(("PG", "KULTI_OPS_", "SUPABASE_", "DATABASE_URL", "XDG_")):
            monkeypatch.delenv(name)
    storage = server_root / "backups"
    storage.mkdir(mode=0o700)
    monkeypatch.setenv("KULTI_OPS_STORAGE", str(storage))
    monkeypatch.setenv("KULTI_OPS_STATE_DIR", str(server_root / "state"))
    monkeypatch.setenv("KULTI_OPS_SCRATCH_DIR", str(server_root / "scratch"))
    monkeypatch.setenv("KULTI_OPS_CACHE_DIR", str(session_root / "cache"))
    monkeypatch.setenv("HOME", str(server_root))
    work = server_root / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return monkeypatch


def diagnose(**faked: Callable[..., object]) -> dict[str, CheckResult]:
    around = Surroundings(
        settings=load_settings(),
        env_file=None,
        now=datetime.now(UTC),
        **faked,  # type: ignore[arg-type]
    )
    return {result.id: result for result in run_doctor(around)}


def statuses(results: dict[str, CheckResult]) -> dict[str, Verdict]:
    return {check_id: result.status for check_id, result in results.items()}


def test_doctor_of_a_sandbox_finds_nothing(
    machine: pytest.MonkeyPatch, sandbox: SandboxInfo
) -> None:
    machine.setenv("DATABASE_URL", sandbox.database_url)
    found = statuses(diagnose())
    assert found.pop("ipv6") is Verdict.SKIPPED
    for unset in ("sentry", "schedule", "notifications", "encryption"):
        assert found.pop(unset) is Verdict.SKIPPED
    assert set(found.values()) == {Verdict.OK}, found


def test_doctor_leaves_nothing_behind(
    machine: pytest.MonkeyPatch, sandbox: SandboxInfo, server_root: Path
) -> None:
    machine.setenv("DATABASE_URL", sandbox.database_url)
    before = sorted(server_root.rglob("*"))
    diagnose()
    assert sorted(server_root.rglob("*")) == before


def test_doctor_as_a_program_gives_one_document(
    machine: pytest.MonkeyPatch, sandbox: SandboxInfo
) -> None:
    machine.setenv("DATABASE_URL", sandbox.database_url)
    machine.setenv("PYTHONPATH", str(ROOT))
    done = subprocess.run(
        [sys.executable, "-m", "kulti_ops", "doctor", "--format", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr, document["status"]) == (0, "", "ok")
    assert document["results"][0]["id"] == "settings"


@pytest.mark.usefixtures("machine")
def test_doctor_without_a_database_is_unknown_and_says_how_to_name_one() -> None:
    results = diagnose()
    assert results["database"].status is Verdict.UNKNOWN
    assert "DATABASE_URL" in (results["database"].next or "")
    assert {results[name].status for name in DEPENDENT} == {Verdict.SKIPPED}
    assert results["storage"].status is Verdict.OK


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("kulti-wrong-password", None, None), "the password is wrong"),
        ((None, "closed", None), "nothing listens"),
        ((None, None, "no_such_database"), "no database no_such_database"),
    ],
    ids=["password", "port", "database"],
)
def test_doctor_with_an_unreachable_database_names_the_cause(
    machine: pytest.MonkeyPatch,
    sandbox: SandboxInfo,
    change: tuple[str | None, str | None, str | None],
    expected: str,
) -> None:
    password, port, database = change
    known = psycopg.conninfo.conninfo_to_dict(sandbox.database_url)
    url = (
        f"postgresql://postgres:{password or known['password']}@127.0.0.1:"
        f"{pick_free_port() if port else known['port']}/{database or 'postgres'}"
    )
    machine.setenv("DATABASE_URL", url)
    results = diagnose()
    assert results["database"].status is Verdict.CRIT
    assert expected in results["database"].summary
    assert results["database"].next
    assert {results[name].status for name in DEPENDENT} == {Verdict.UNKNOWN}
    assert results["storage"].status is Verdict.OK
    assert results["free-space"].status is Verdict.UNKNOWN


def test_doctor_with_an_unusable_url_does_not_echo_it(machine: pytest.MonkeyPatch) -> None:
    machine.setenv("DATABASE_URL", "postgresql://u:canary-secret@host:port:port/x")
    result = diagnose()["database"]
    assert result.status is Verdict.CRIT
    assert "canary-secret" not in f"{result.summary} {result.next}"


def test_doctor_behind_the_transaction_pooler_is_crit(machine: pytest.MonkeyPatch) -> None:
    machine.setenv("DATABASE_URL", "postgresql://postgres:x@127.0.0.1:6543/postgres")
    machine.setenv("KULTI_OPS_CONNECT_TIMEOUT_S", "2")
    result = diagnose()["connection-kind"]
    assert result.status is Verdict.CRIT
    assert "5432" in (result.next or "")


@pytest.mark.parametrize(
    ("mode", "expected"), [("require", Verdict.WARN), ("verify-full", Verdict.OK)]
)
def test_doctor_judges_how_far_the_certificate_is_checked(
    machine: pytest.MonkeyPatch, mode: str, expected: Verdict
) -> None:
    machine.setenv("DATABASE_URL", "postgresql://postgres:x@db.invalid/postgres")
    machine.setenv("KULTI_OPS_SSLMODE", mode)
    assert diagnose(resolve=no_such_host)["connection-kind"].status is expected


def no_such_host(_host: str, _port: int) -> tuple[str, ...]:
    raise OSError(None, "no such host")


@pytest.mark.parametrize(
    ("addresses", "route", "expected"),
    [
        (("2001:db8::5",), False, Verdict.CRIT),
        (("2001:db8::5",), True, Verdict.OK),
        (("2001:db8::5", "192.0.2.5"), False, Verdict.OK),
        (None, False, Verdict.UNKNOWN),
    ],
    ids=["no route", "route", "both", "unknown host"],
)
def test_doctor_with_a_host_that_has_ipv6_only(
    machine: pytest.MonkeyPatch,
    addresses: tuple[str, ...] | None,
    *,
    route: bool,
    expected: Verdict,
) -> None:
    machine.setenv("DATABASE_URL", "postgresql://postgres:x@db.invalid/postgres")
    resolve = no_such_host if addresses is None else lambda _host, _port: addresses
    result = diagnose(resolve=resolve, route=lambda _address, _port: route)["ipv6"]
    assert result.status is expected
    if expected is Verdict.CRIT:
        assert "session pooler" in (result.next or "")


def test_doctor_of_a_role_without_rights_names_the_tables(
    machine: pytest.MonkeyPatch, empty_database: Callable[[], Database]
) -> None:
    database = empty_database()
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS doctor_weak")
        connection.execute("CREATE ROLE doctor_weak LOGIN PASSWORD 'weak-password'")
        connection.execute("CREATE TABLE public.private_notes (id int)")
    machine.setenv("DATABASE_URL", as_role(database.url, "doctor_weak", "weak-password"))
    results = diagnose()
    assert results["role-rights"].status is Verdict.CRIT
    assert "public.private_notes" in results["role-rights"].summary
    assert "pg_read_all_data" in (results["role-rights"].next or "")
    assert results["server-version"].status is Verdict.OK


def test_doctor_of_a_role_that_rls_blinds_names_the_tables(
    machine: pytest.MonkeyPatch, empty_database: Callable[[], Database]
) -> None:
    database = empty_database()
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS doctor_blind")
        connection.execute("CREATE ROLE doctor_blind LOGIN PASSWORD 'blind-password'")
        connection.execute("GRANT pg_read_all_data TO doctor_blind")
        connection.execute("CREATE TABLE public.guarded (id int)")
        connection.execute("ALTER TABLE public.guarded ENABLE ROW LEVEL SECURITY")
    machine.setenv("DATABASE_URL", as_role(database.url, "doctor_blind", "blind-password"))
    result = diagnose()["role-rights"]
    assert result.status is Verdict.CRIT
    assert "public.guarded" in result.summary
    assert "BYPASSRLS" in (result.next or "")


def as_role(url: str, role: str, password: str) -> str:
    known = psycopg.conninfo.conninfo_to_dict(url)
    return f"postgresql://{role}:{password}@127.0.0.1:{known['port']}/{known['dbname']}"


def test_doctor_with_old_client_tools_says_which_are_needed(
    machine: pytest.MonkeyPatch, sandbox: SandboxInfo, server_root: Path
) -> None:
    old = server_root / "old"
    old.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        tool = old / name
        tool.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 15.4'\n")
        tool.chmod(0o755)
    machine.setenv("DATABASE_URL", sandbox.database_url)
    machine.setenv("KULTI_OPS_PG_BIN_DIR", str(old))
    result = diagnose()["client-tools"]
    assert result.status is Verdict.CRIT
    assert "15.4" in result.summary
    assert "17" in (result.next or "")


def test_doctor_with_an_empty_tools_folder_says_what_is_missing(
    machine: pytest.MonkeyPatch, server_root: Path
) -> None:
    machine.setenv("KULTI_OPS_PG_BIN_DIR", str(server_root))
    result = diagnose()["client-tools"]
    assert result.status is Verdict.CRIT
    assert "pg_dump" in result.summary


@pytest.mark.parametrize(
    ("variable", "check"),
    [
        ("KULTI_OPS_STORAGE", "storage"),
        ("KULTI_OPS_STATE_DIR", "state-folder"),
        ("KULTI_OPS_SCRATCH_DIR", "scratch"),
        ("KULTI_OPS_CACHE_DIR", "embedded-server"),
    ],
)
def test_doctor_with_a_file_for_a_folder_is_crit(
    machine: pytest.MonkeyPatch, server_root: Path, variable: str, check: str
) -> None:
    file = server_root / "file"
    file.touch()
    for path in (file, file / "below"):
        machine.setenv(variable, str(path))
        result = diagnose()[check]
        assert result.status is Verdict.CRIT
        assert variable in (result.next or "") or str(path) in result.summary


@pytest.mark.parametrize(
    ("variable", "check"),
    [
        ("KULTI_OPS_STORAGE", "storage"),
        ("KULTI_OPS_STATE_DIR", "state-folder"),
        ("KULTI_OPS_CACHE_DIR", "embedded-server"),
    ],
)
def test_doctor_with_an_unwritable_folder_is_crit(
    machine: pytest.MonkeyPatch, server_root: Path, variable: str, check: str
) -> None:
    folder = server_root / "locked"
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
    folder.chmod(0o500)
    machine.setenv("KULTI_OPS_SCRATCH_DIR", str(server_root))

    def look() -> None:
        for path in (folder, folder / "below"):
            machine.setenv(variable, str(path))
            assert diagnose()[check].status is Verdict.CRIT

    as_ordinary_user(look)


def test_doctor_with_a_storage_that_others_can_read_says_chmod(
    machine: pytest.MonkeyPatch, server_root: Path
) -> None:
    storage = server_root / "backups"
    (storage / "one").mkdir(mode=0o700)
    dump = storage / "one" / "dump.pgc"
    dump.touch(mode=0o600)
    assert diagnose()["storage"].status is Verdict.OK
    dump.chmod(0o644)
    result = diagnose()["storage"]
    assert result.status is Verdict.WARN
    assert "one/dump.pgc" in result.summary
    assert (result.next or "").startswith("chmod -R go=")
    machine.setenv("KULTI_OPS_STORAGE", str(storage / "missing"))
    assert diagnose()["storage"].status is Verdict.WARN


def test_doctor_with_a_misspelt_setting_suggests_the_right_one(machine: pytest.MonkeyPatch) -> None:
    machine.setenv("KULTI_OPS_STORAGES", "/nowhere")
    machine.setenv("KULTI_OPS_QQQ", "x")
    result = diagnose()["settings"]
    assert result.status is Verdict.WARN
    assert "KULTI_OPS_STORAGES is no setting: KULTI_OPS_STORAGE?" in result.summary
    assert "KULTI_OPS_QQQ is no setting" in result.summary


@pytest.mark.usefixtures("machine")
def test_doctor_with_secrets_in_a_readable_file_says_chmod(server_root: Path) -> None:
    file = server_root / "work" / ".env"
    file.write_text("NEXT_PUBLIC_ANON_KEY=public\nPORT=5555\n")
    file.chmod(0o644)
    assert diagnose()["settings"].status is Verdict.OK
    file.write_text("HMS_APP_SECRET=canary-secret\n")
    result = diagnose()["settings"]
    assert result.status is Verdict.WARN
    assert "HMS_APP_SECRET" in result.summary
    assert "canary-secret" not in result.summary
    assert result.next == "chmod 600 .env"
    file.chmod(0o600)
    assert diagnose()["settings"].status is Verdict.OK


def test_doctor_judges_the_sentry_dsn(machine: pytest.MonkeyPatch) -> None:
    machine.setenv("KULTI_OPS_SENTRY_DSN", "no dsn")
    assert diagnose()["sentry"].status is Verdict.WARN
    machine.setenv("KULTI_OPS_SENTRY_DSN", f"http://key@127.0.0.1:{pick_free_port()}/1")
    assert diagnose()["sentry"].status is Verdict.WARN
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        machine.setenv(
            "KULTI_OPS_SENTRY_DSN", f"http://key@127.0.0.1:{listener.getsockname()[1]}/1"
        )
        assert diagnose()["sentry"].status is Verdict.OK


def test_doctor_goes_on_after_an_exception_in_one_check(
    machine: pytest.MonkeyPatch, sandbox: SandboxInfo
) -> None:
    machine.setenv("DATABASE_URL", sandbox.database_url.replace("127.0.0.1", "localhost"))

    def broken(*_: object, **_named: object) -> bool:
        raise RuntimeError("boom")

    machine.setattr("kulti_ops.flows.doctor.network._is_address", broken)
    machine.setattr("kulti_ops.backup.preflight.clock_warning", broken)
    results = diagnose()
    assert results["clock"].status is Verdict.UNKNOWN
    assert "boom" in results["clock"].summary
    assert results["role-rights"].status is Verdict.OK
