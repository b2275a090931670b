"""Under an ordinary load the runbook is silent: a sandbox of its own at work, all at once.

pgbench writes as the application does, a logical slot has a live reader, autovacuum runs every
second, and pg_dump dumps.
"""

from __future__ import annotations

import re
import subprocess
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.db import connect, own_target
from kulti_ops.pgserver.process import wait_until
from kulti_ops.runbook.library import choose, load_accepted, load_library
from kulti_ops.runbook.run import RunOptions, run_checks
from kulti_ops.runbook.triage import run_triage
from kulti_ops.sandbox import lifecycle
from kulti_ops.sandbox.lifecycle import Places
from tests.functional.conftest import SANDBOX_SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kulti_ops.pgtools import Installation
    from kulti_ops.report import CheckResult
    from kulti_ops.sandbox.lifecycle import SandboxInfo

# Each client has users of its own: the ledger's order of time is that of transactions' beginnings.
LOAD = r"""
\set place random(0, 40)
SELECT id AS user_id FROM public.profiles ORDER BY id OFFSET 4 * :place + :client_id LIMIT 1 \gset
SELECT id AS session_id FROM public.sessions ORDER BY id OFFSET :place LIMIT 1 \gset
BEGIN;
SELECT count(*) FROM public.messages WHERE session_id = :session_id;
INSERT INTO public.messages (session_id, user_id, content, type)
VALUES (:session_id, :user_id, 'hello', 'text');
UPDATE public.user_presence SET last_seen = now() WHERE user_id = :user_id;
COMMIT;
UPDATE public.sessions SET stream_state = '{}' WHERE id = :session_id;
SELECT public.add_credits(:user_id, 1, 'earned_chatting');
SELECT title FROM public.sessions WHERE host_id = :user_id ORDER BY created_at DESC LIMIT 10;
"""
SECONDS = 8


@pytest.fixture
def busy(session_root: Path) -> Iterator[SandboxInfo]:
    """A freshly analysed sandbox whose autovacuum is awake."""
    folder = session_root / "busy-box"
    info = lifecycle.start(
        folder,
        places=Places(cache_dir=session_root / "cache", data_home=session_root / "busy-data"),
        now=datetime.now(UTC),
        scale=SANDBOX_SCALE,
    )
    with psycopg.connect(info.admin_url, autocommit=True) as admin:
        for name, value in (("autovacuum_naptime", "1s"), ("autovacuum_vacuum_threshold", "5")):
            admin.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("ANALYZE")
        admin.execute("SELECT pg_create_logical_replication_slot('reader', 'pgoutput')")
    yield info
    lifecycle.destroy(folder)


def _children(
    stack: ExitStack, busy: SandboxInfo, tools: Installation, folder: Path
) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Start the slot's reader, the load and a dump; returns the last two."""
    script = folder / "load.sql"
    script.write_text(LOAD)
    options = ("--option=proto_version=1", "--option=publication_names=supabase_realtime")
    commands: dict[str, tuple[str, ...]] = {
        "pg_recvlogical": (
            *("--dbname", busy.admin_url, "--slot=reader", "--start", *options),
            *("--file", str(folder / "changes")),
        ),
        "pgbench": (
            *("--no-vacuum", "--protocol=prepared", "--client=4", f"--time={SECONDS}"),
            *("--rate=60", "--file", str(script), busy.database_url),
        ),
        "pg_dump": ("--format=custom", "--file", str(folder / "dump"), busy.database_url),
    }
    started = []
    for name, arguments in commands.items():
        child = subprocess.Popen(
            [tools.tool(name), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        stack.callback(child.communicate, timeout=20)
        stack.callback(child.kill)
        started.append(child)
    return started[1], started[2]


def _findings(busy: SandboxInfo) -> list[CheckResult]:
    """Return what triage and the database's checks say beyond ok."""
    target = own_target(busy.database_url, "test")
    options = RunOptions(accepted=load_accepted(), deadline_s=20)
    found = run_triage(target, load_library(), options=options, connect_timeout_s=5)
    chosen = choose(load_library(), groups=("database",))
    with closing(connect(target, application="runbook")) as connection:
        found += run_checks(connection, chosen, options=options).results
    return [r for r in found if r.status not in ("ok", "skipped")]


def _counted(busy: SandboxInfo, query: str) -> int:
    with psycopg.connect(busy.admin_url) as admin:
        row = admin.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])


def test_runbook_is_silent_under_an_ordinary_load(
    busy: SandboxInfo, server_install: Installation, tmp_path: Path
) -> None:
    readers = "SELECT count(*) FROM pg_replication_slots WHERE active"
    vacuums = "SELECT sum(autovacuum_count) FROM pg_stat_user_tables"
    rounds = 0
    with ExitStack() as stack:
        load, dump = _children(stack, busy, server_install, tmp_path)
        assert wait_until(lambda: _counted(busy, readers) == 1, timeout_s=10)
        while load.poll() is None:
            assert [(r.id, str(r.status), r.summary) for r in _findings(busy)] == []
            rounds += 1
        said, _ = load.communicate(timeout=20)
        assert dump.wait(20) == 0
        assert _counted(busy, readers) == 1
        assert wait_until(lambda: _counted(busy, vacuums) > 0, timeout_s=10)
    done = re.search(r"transactions actually processed: (\d+)", said)
    assert done is not None, said
    assert "aborted" not in said
    assert int(done[1]) > 50
    assert rounds > 1
