"""Through a real transaction pooler: the same answers, and a cancel that arrives.

pgbouncer is taken from PATH or, on Debian, from its package, which is unpacked and not
installed. Where neither can be had these tests are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kulti_ops.db import connect, own_target
from kulti_ops.pgserver.account import server_account
from kulti_ops.pgserver.process import wait_until
from kulti_ops.pgserver.spec import pick_free_port
from kulti_ops.pipeline import Statement, Unit, run_units
from kulti_ops.runbook.library import load_accepted, load_library
from kulti_ops.runbook.run import RunOptions, run_checks
from kulti_ops.runbook.triage import run_triage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.conftest import Database

# The pooler, and the libraries of its package that a bare Debian lacks.
PACKAGES = ("pgbouncer", "libevent-2.1-7", "libc-ares2")
CONFIG = """\
[databases]
{name} = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
logfile = {folder}/log
"""


@dataclass(frozen=True)
class Program:
    """The pooler's program and where its libraries are."""

    path: str
    libraries: str


@pytest.fixture(scope="module")
def pgbouncer(session_root: Path) -> Program:
    found = shutil.which("pgbouncer")
    if found is not None:
        return Program(found, "")
    folder = session_root / "pgbouncer"
    folder.mkdir(mode=0o755)
    try:
        for package in PACKAGES:
            _run("apt-get", "download", package, cwd=folder)
        for archive in sorted(folder.glob("*.deb")):
            _run("dpkg", "-x", archive.name, "unpacked", cwd=folder)
        libraries = ":".join(str(p) for p in folder.glob("unpacked/usr/lib/*-linux-gnu"))
        program = Program(str(folder / "unpacked/usr/sbin/pgbouncer"), libraries)
        _run(program.path, "--version", cwd=folder, libraries=libraries)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no pgbouncer here, and its package cannot be had: {error}")
    return program


def _run(*argv: str, cwd: Path, libraries: str = "") -> None:
    subprocess.run(
        argv,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": libraries},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def pooled(copy: Database, pgbouncer: Program, session_root: Path) -> Iterator[str]:
    """The copy's URL by way of a pooler of two server connections."""
    folder = session_root / "pooler"
    folder.mkdir(mode=0o755)
    server, own_port = conninfo_to_dict(copy.url), pick_free_port()
    text = CONFIG.format(
        name=copy.name,
        host=server["host"],
        port=server["port"],
        own_port=own_port,
        folder=folder,
    )
    (folder / "config.ini").write_text(text)
    (folder / "users").write_text(f'"{server["user"]}" "{server["password"]}"\n')
    account = server_account()
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    child = subprocess.Popen(
        [pgbouncer.path, "--quiet", str(folder / "config.ini")],
        env={"LD_LIBRARY_PATH": pgbouncer.libraries},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
    )
    try:
        url = make_conninfo(copy.url, host="127.0.0.1", port=own_port, sslmode="disable")
        assert wait_until(lambda: _answers(url), timeout_s=10), (folder / "log").read_text()
        yield url
    finally:
        child.terminate()
        child.wait(20)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def test_checks_through_a_transaction_pooler_say_the_same(copy: Database, pooled: str) -> None:
    options = RunOptions(accepted=load_accepted(), deadline_s=60)
    answers = []
    for url in (copy.url, pooled):
        connection = connect(own_target(url, "test"), application="runbook")
        results = run_checks(connection, load_library(), options=options).results
        connection.close()
        answers.append(
            {
                r.id: (str(r.status), r.evidence.get("findings"))
                for r in results
                if r.id != "cache-hit"  # judged once enough was read, by these checks too
            }
        )
    assert answers[0] == answers[1]


def test_triage_through_a_transaction_pooler_finds_a_healthy_database(pooled: str) -> None:
    options = RunOptions(accepted=load_accepted())
    results = run_triage(
        own_target(pooled, "test"), load_library(), options=options, connect_timeout_s=5
    )
    assert [(r.id, r.summary) for r in results if r.status not in ("ok", "skipped")] == []


def test_deadline_through_a_pooler_cancels_on_the_server(copy: Database, pooled: str) -> None:
    connection = connect(own_target(pooled, "test"), application="runbook")
    endless = Unit(statements=(Statement(text="SELECT pg_sleep(600)"),), statement_timeout_s=600)
    (answer,) = run_units(connection, [endless], deadline_s=0.5)
    assert answer.error is not None
    assert connection.closed
    assert wait_until(lambda: not _sleepers(copy), timeout_s=5)


def _sleepers(database: Database) -> int:
    with psycopg.connect(database.admin_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE state = 'active' AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
        ).fetchone()
        assert row is not None
        return int(row[0])
