"""The commands as scripts see them: one JSON document, exit codes, nothing on stdout besides."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.functional.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.sandbox.lifecycle import SandboxInfo
    from tests.functional.conftest import Database


def runbook(
    url: str, *arguments: str, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kulti_ops", "runbook", *arguments],
        cwd=cwd,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(cwd),
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": url,
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_triage_of_a_healthy_database_is_silent(copy: Database, tmp_path: Path) -> None:
    done = runbook(copy.url, "triage", "--format", "json", cwd=tmp_path)
    report = document(done)
    assert (done.returncode, report["status"]) == (0, "ok")
    assert report["results"][0]["id"] == "connection"
    assert runbook(copy.url, "triage", "--quiet", cwd=tmp_path).stdout == ""


def test_check_finding_has_rows_evidence_and_next(
    copy: Database, session: psycopg.Connection, tmp_path: Path
) -> None:
    session.execute("SELECT 1")
    done = runbook(
        copy.url, "check", "idle-in-transaction", "--crit", "0", "--format", "json", cwd=tmp_path
    )
    (result,) = document(done)["results"]
    assert (done.returncode, result["status"]) == (10, "crit")
    assert result["evidence"]["findings"] == len(result["rows"]) == 1
    assert str(session.info.backend_pid) in result["next"]


def test_check_threshold_of_the_settings_holds(
    copy: Database, session: psycopg.Connection, tmp_path: Path
) -> None:
    session.execute("SELECT 1")
    done = runbook(
        copy.url,
        "check",
        "idle-in-transaction",
        cwd=tmp_path,
        KULTI_OPS_THRESHOLDS="idle-in-transaction.warn=0",
    )
    assert done.stdout.startswith("warn")
    assert "web" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check",), 2),
        (("check", "bloking"), 2),
        (("check", "--all", "blocking"), 2),
        (("check", "--all", "--warn", "1"), 2),
        (("check", "sizes", "--warn", "1"), 2),
        (("check", "--group", "weather"), 2),
        (("explain", "bloking"), 2),
        (("lint", "--pack", "/nonexistent"), 4),
    ],
)
def test_wrong_words_are_refused_before_the_database_is_asked(
    tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    assert runbook("postgresql://u@127.0.0.1:1/d", *arguments, cwd=tmp_path).returncode == code


def test_sql_runs_in_psql_as_it_is(copy: Database, tmp_path: Path) -> None:
    with psycopg.connect(copy.url, autocommit=True) as connection:
        for name in ("blocking", "sessions-zombie", "recordings-stuck", "orphan-rows"):
            text = runbook(copy.url, "sql", name, cwd=tmp_path).stdout
            assert text.rstrip().endswith(";")
            connection.execute(text.encode())


def test_list_and_explain_need_no_database(tmp_path: Path) -> None:
    listed = document(runbook("", "list", "--format", "json", cwd=tmp_path))
    assert len(listed["data"]["diagnostics"]) == 71
    shown = runbook("", "explain", "blocking", cwd=tmp_path)
    assert shown.returncode == 0
    assert "End the root, not the victims" in shown.stdout


def test_pack_of_the_how_to_fits_and_answers(copy: Database, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "write-a-diagnostic.md").read_text(encoding="utf-8")
    example = page.partition("```sql\n")[2].partition("```")[0]
    folder = tmp_path / "our-diagnostics"
    folder.mkdir()
    (folder / "large-tips.sql").write_text(example, encoding="utf-8")
    pack = ("--pack", str(folder), "--format", "json")
    assert document(runbook(copy.url, "lint", *pack, cwd=tmp_path))["status"] == "ok"
    given = {"KULTI_OPS_THRESHOLDS": "tip_max=1"}
    done = runbook(copy.url, "check", "large-tips", *pack, cwd=tmp_path, **given)
    (result,) = document(done)["results"]
    assert (result["status"], done.returncode) == ("crit", 10)
    assert result["evidence"]["examined"] >= result["evidence"]["findings"] > 10


def failure(url: str, tmp_path: Path, **environment: str) -> dict[str, Any]:
    done = runbook(url, "triage", "--format", "json", cwd=tmp_path, **environment)
    assert done.returncode == 10, done.stderr
    (result,) = document(done)["results"]
    assert (result["id"], result["status"]) == ("connection", "crit")
    assert result["next"]
    evidence: dict[str, Any] = result["evidence"]
    return evidence


def test_triage_of_a_wrong_password_says_so(sandbox: SandboxInfo, tmp_path: Path) -> None:
    url = sandbox.database_url.replace(sandbox.database_url.split(":")[2].split("@")[0], "wrong")
    assert failure(url, tmp_path)["cause"] == "password"


def test_triage_of_an_unknown_database_says_so(sandbox: SandboxInfo, tmp_path: Path) -> None:
    url = sandbox.database_url.removesuffix("/postgres") + "/nothing"
    assert failure(url, tmp_path)["cause"] == "names"


def test_triage_of_nothing_listening_says_how_far_it_got(tmp_path: Path) -> None:
    evidence = failure("postgresql://u:p@127.0.0.1:1/d", tmp_path)
    assert (evidence["cause"], evidence["ipv4"]) == ("refused", 1)
    assert "refused" in evidence["tcp"][0]


def test_triage_of_a_name_without_an_address_is_dns(tmp_path: Path) -> None:
    evidence = failure("postgresql://u:p@nowhere.invalid:5432/d?sslmode=require", tmp_path)
    assert evidence["cause"] == "dns"


def _once(listener: socket.socket, answer: bytes) -> None:
    client, _ = listener.accept()
    with client:
        client.recv(8)
        client.sendall(answer)


def _fatal(message: str) -> bytes:
    body = b"SFATAL\0C53300\0M" + message.encode() + b"\0\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("sorry, too many clients already", "connections-full"),
        (
            "remaining connection slots are reserved for roles with the SUPERUSER attribute",
            "connections-full",
        ),
        ("MaxClientsInSessionMode: max clients reached", "pooler-full"),
        ("no more connections allowed (max_client_conn)", "pooler-full"),
        ("Max client connections reached", "pooler-full"),
        ("(EMAXCONN) max client connections reached, limit: 200", "pooler-full"),
        ("(ECHECKOUTTIMEOUT) unable to check out connection from the pool", "pooler-full"),
        ("query_wait_timeout", "pooler-full"),
        ("(ENOTFOUND) tenant/user postgres.ref not found", "pooler-tenant"),
        ("(ECIRCUITBREAKER) too many authentication failures", "pooler-blocked"),
        ("(ESSLREQUIRED) SSL connection is required for user: postgres", "tls"),
        ("the database system is not accepting connections", "recovery"),
        ("Tenant or user not found", "pooler-tenant"),
        ("the database system is starting up", "starting"),
        ("the database system is in recovery mode", "recovery"),
        ("the database system is shutting down", "stopping"),
        ("no pg_hba.conf entry for host", "not-admitted"),
    ],
)
def test_triage_of_what_a_server_says_is_its_cause(
    tmp_path: Path, message: str, cause: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_once, args=(listener, _fatal(message)), daemon=True)
        thread.start()
        url = f"postgresql://u:p@127.0.0.1:{listener.getsockname()[1]}/d?sslmode=disable"
        assert failure(url, tmp_path)["cause"] == cause
        thread.join(10)


def test_triage_of_another_service_at_the_port_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answer = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        thread = threading.Thread(target=_once, args=(listener, answer), daemon=True)
        thread.start()
        url = f"postgresql://u:p@127.0.0.1:{listener.getsockname()[1]}/d?sslmode=require"
        assert failure(url, tmp_path)["cause"] == "not-postgres"
        thread.join(10)


def test_triage_as_a_role_that_only_reads_is_no_finding(copy: Database, tmp_path: Path) -> None:
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        role = "ALTER ROLE postgres IN DATABASE runbook_copy"
        admin.execute(f"{role} SET default_transaction_read_only = on".encode())
        try:
            done = runbook(copy.url, "triage", "--format", "json", cwd=tmp_path)
        finally:
            admin.execute(f"{role} RESET default_transaction_read_only".encode())
    results = {r["id"]: r for r in document(done)["results"]}
    assert (results["connection"]["status"], results["settings"]["status"]) == ("ok", "ok")
    assert "role postgres reads only" in results["connection"]["summary"]


def test_triage_of_a_silent_server_ends_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"postgresql://u:p@127.0.0.1:{listener.getsockname()[1]}/d?sslmode=disable"
        evidence = failure(url, tmp_path, KULTI_OPS_CONNECT_TIMEOUT_S="2")
    assert evidence["cause"] == "timeout"


def test_triage_of_a_read_only_database_says_so(copy: Database, tmp_path: Path) -> None:
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        admin.execute("ALTER DATABASE runbook_copy SET default_transaction_read_only = on")
        done = runbook(copy.url, "triage", "--format", "json", cwd=tmp_path)
        admin.execute("SET default_transaction_read_only = off")
        admin.execute("ALTER DATABASE runbook_copy RESET default_transaction_read_only")
    first = document(done)["results"][0]
    assert (done.returncode, first["id"], first["status"]) == (10, "connection", "crit")
    assert "read-only" in first["summary"]


def test_check_without_a_connection_is_unknown(tmp_path: Path) -> None:
    done = runbook(
        "postgresql://u:p@127.0.0.1:1/d", "check", "blocking", "--format", "json", cwd=tmp_path
    )
    assert (done.returncode, document(done)["status"]) == (3, "unknown")


def test_baseline_tells_what_is_new_gone_and_changed(
    sandbox_copy: Callable[[], Database], tmp_path: Path
) -> None:
    copy = sandbox_copy()

    def diff(*arguments: str) -> dict[str, Any]:
        words = arguments or ("baseline", "diff")
        done = runbook(copy.url, *words, "--format", "json", cwd=tmp_path)
        (result,) = document(done)["results"]
        return {"code": done.returncode, **result}

    before = diff()
    assert (before["status"], before["code"]) == ("skipped", 3)
    saved = runbook(copy.url, "baseline", "save", "--format", "json", cwd=tmp_path)
    assert document(saved)["data"]["objects"] > 1500
    assert (diff()["status"], diff()["evidence"]["findings"]) == ("ok", 0)
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        admin.execute("CREATE INDEX fresh ON public.recordings (duration)")
        admin.execute("ALTER TABLE public.waitlist DROP COLUMN what_building")
        admin.execute("GRANT SELECT ON public.ai_agent_memories TO pg_monitor")
    found = diff()
    assert (found["status"], found["code"]) == ("warn", 0)
    assert {(r["object_name"], r["change"]) for r in found["rows"]} == {
        ("index public.fresh", "is new"),
        ("column public.waitlist.what_building", "is gone"),
        ("table public.ai_agent_memories", "has changed"),
    }
    assert diff("check", "schema-baseline")["evidence"]["findings"] == 3


def test_baseline_that_is_damaged_says_so(copy: Database, tmp_path: Path) -> None:
    saved = runbook(copy.url, "baseline", "save", "--format", "json", cwd=tmp_path)
    Path(document(saved)["data"]["path"]).write_text("{}")
    done = runbook(copy.url, "baseline", "diff", cwd=tmp_path)
    assert (done.returncode, "cannot be read" in done.stderr) == (5, True)
