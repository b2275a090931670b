"""Exports from a real Kulti: every row, one snapshot, private files, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import json
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from kulti_ops.backup import export as exports
from kulti_ops.backup.export import ExportOptions, run_export
from kulti_ops.backup.export_cells import Shape
from kulti_ops.db import own_target
from kulti_ops.errors import DatabaseError, OperationFailedError, StorageError
from kulti_ops.platform.exports import ExportKind
from tests.functional.cli import document, kulti_ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.sandbox.lifecycle import SandboxInfo
    from tests.functional.conftest import Database

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
KINDS = tuple(ExportKind)
COLUMNS = {
    "users": ["id", "username", "email", "display_name", "created_at"],
    "credits": [
        *("id", "user_id", "username", "amount", "balance_after", "type"),
        *("source_session_id", "metadata", "created_at"),
    ],
    "sessions": [
        *("id", "room_code", "title", "description", "status", "category", "is_public", "host_id"),
        *("host_username", "host_display_name", "participants", "total_credits_distributed"),
        *("created_at", "started_at", "ended_at"),
    ],
    "recordings": [
        *("id", "session_id", "session_title", "host_id", "host_username", "hms_recording_id"),
        *("recording_url", "duration", "status", "created_at"),
    ],
}
TABLES = {
    "users": "public.profiles",
    "credits": "public.credit_transactions",
    "sessions": "public.sessions",
    "recordings": "public.recordings",
}


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, connect_timeout=10) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def exported(url: str, folder: Path, *kinds: ExportKind, **options: Any) -> dict[str, Path]:
    """Export in this process; return the files by kind."""
    done = run_export(
        own_target(url, "the test"),
        kinds or KINDS,
        folder / "exports",
        options=ExportOptions(**options),
        now=NOW,
        state=folder / "state",
    )
    return {str(file.kind): file.path for file in done.files}


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def test_export_holds_every_row_in_both_shapes(sandbox: SandboxInfo, tmp_path: Path) -> None:
    url = sandbox.database_url
    in_csv = {k: read_csv(p) for k, p in exported(url, tmp_path).items()}
    in_json = {k: read_jsonl(p) for k, p in exported(url, tmp_path, shape=Shape.JSONL).items()}
    for kind, table in TABLES.items():
        assert list(in_csv[kind][0]) == COLUMNS[kind]
        assert list(in_json[kind][0]) == COLUMNS[kind]
        ids = [str(r[0]) for r in ask(url, f"SELECT id FROM {table} ORDER BY created_at, id")]
        assert [row["id"] for row in in_csv[kind]] == ids
        assert [row["id"] for row in in_json[kind]] == ids
    emails = ask(url, "SELECT p.id::text, u.email FROM profiles p JOIN auth.users u USING (id)")
    assert {(row["id"], row["email"]) for row in in_json["users"]} == set(emails)
    people = dict(
        ask(
            url,
            "SELECT session_id::text, count(*) FROM session_participants"
            " WHERE session_id IS NOT NULL GROUP BY 1",
        )
    )
    assert {r["id"]: r["participants"] for r in in_json["sessions"] if r["participants"]} == people
    assert {type(row["amount"]) for row in in_json["credits"]} == {int}
    assert {row["amount"][0] for row in in_csv["credits"]} >= {"-"}
    assert in_csv["users"][0]["created_at"].endswith("+00")


def test_export_files_are_private_whole_and_written_down(
    sandbox: SandboxInfo, tmp_path: Path
) -> None:
    files = exported(sandbox.database_url, tmp_path)
    folder = tmp_path / "exports"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(
        f"{kind}-20261122T040000Z.csv{end}" for kind in KINDS for end in ("", ".sha256")
    )
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    for path in files.values():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert Path(f"{path}.sha256").read_text() == f"{digest}  {path.name}\n"
    sums = [f"{path.name}.sha256" for path in files.values()]
    subprocess.run(
        ["/usr/bin/env", "sha256sum", "-c", *sums], cwd=folder, check=True, capture_output=True
    )
    lines = (tmp_path / "state" / "audit.jsonl").read_text().splitlines()
    begun, ended = (json.loads(line) for line in lines)
    assert (begun["action"], ended["action"]) == ("export begun", "export ended")
    assert ended["details"]["rows"]["users"] > 0


def test_export_of_nasty_values_is_exact_and_harmless(
    sandbox_copy: Callable[[], Database], tmp_path: Path
) -> None:
    url = sandbox_copy().url
    nasty = ["=1+1", "-2+3", "@x", "\t", "\r=x", "a\\b\nc", 'q"q', "", None, "'x", "ä€😀", "\u2028"]
    with psycopg.connect(url, connect_timeout=10) as connection:
        ids = connection.execute("SELECT id FROM profiles ORDER BY id LIMIT 12").fetchall()
        for (user,), value in zip(ids, nasty, strict=True):
            connection.execute("UPDATE profiles SET display_name = %s WHERE id = %s", (value, user))
    users = ExportKind.USERS
    rows = {r["id"]: r["display_name"] for r in read_csv(exported(url, tmp_path, users)["users"])}
    path = exported(url, tmp_path, users, shape=Shape.JSONL)["users"]
    objects = {r["id"]: r["display_name"] for r in read_jsonl(path)}
    for (user,), value in zip(ids, nasty, strict=True):
        assert objects[str(user)] == value
        cell = rows[str(user)]
        assert cell.removeprefix("'") == (value or "")
        assert not cell.startswith(("=", "-", "@", "\t", "\r"))
    raw = (tmp_path / "exports" / "users-20261122T040000Z.csv").read_text()
    empty, null = (
        next(u for (u,), v in zip(ids, nasty, strict=True) if v == w) for w in ("", None)
    )
    assert ',"",2' in next(line for line in raw.split("\n") if line.startswith(str(empty)))
    assert ",,2" in next(line for line in raw.split("\n") if line.startswith(str(null)))


def test_export_of_one_user_holds_what_is_theirs(sandbox: SandboxInfo, tmp_path: Path) -> None:
    url = sandbox.database_url
    ((user, hosted),) = ask(
        url,
        "SELECT s.host_id, count(*) FROM sessions s JOIN recordings r ON r.session_id = s.id"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1",
    )
    done = kulti_ops(
        *("backup", "export", *KINDS, "--as", "jsonl", "--user", str(user), "--format", "json"),
        folder=tmp_path,
        env={"DATABASE_URL": url},
    )
    assert done.returncode == 0, done.stderr
    files = {f["kind"]: f for f in document(done)["data"]["files"]}
    rows = {kind: read_jsonl(Path(file["path"])) for kind, file in files.items()}
    assert {k: f["rows"] for k, f in files.items()} == {k: len(r) for k, r in rows.items()}
    assert [row["id"] for row in rows["users"]] == [str(user)]
    assert {row["user_id"] for row in rows["credits"]} <= {str(user)}
    assert len(rows["recordings"]) == hosted
    ((sessions,),) = ask(
        url,
        f"SELECT count(*) FROM sessions s WHERE host_id = '{user}' OR EXISTS (SELECT 1 FROM"
        f" session_participants c WHERE c.session_id = s.id AND c.user_id = '{user}')",
    )
    assert len(rows["sessions"]) == sessions
    assert Path(files["users"]["path"]).parent == tmp_path / ".local/share/kulti-ops/exports"


def test_export_since_takes_what_was_created_from_then_on(
    sandbox: SandboxInfo, tmp_path: Path
) -> None:
    url = sandbox.database_url
    ((since, count),) = ask(
        url,
        "SELECT min(created_at), count(*) FROM (SELECT created_at FROM credit_transactions"
        " ORDER BY created_at DESC FETCH FIRST 50 ROWS WITH TIES) AS newest",
    )
    rows = read_csv(exported(url, tmp_path, ExportKind.CREDITS, since=since)["credits"])
    assert len(rows) == count


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("users", "--user", "00000000-0000-0000-0000-000000000000"), 5, "no user 00000000"),
        (("users", "--user", "anna"), 2, "--user is no id"),
        (("users", "--since", "soon"), 2, "--since is no date"),
        (("users", "--as", "xlsx"), 2, "xlsx"),
        (("passwords",), 2, "passwords"),
        (("users", "--to", "backups/exports"), 6, "lies in the storage"),
        (("users", "--to", "link"), 6, "lies in the storage"),
        (("credits", "--since", "2999-01-01"), 0, "no credits were found"),
    ],
)
def test_export_says_what_it_will_not_do(
    sandbox: SandboxInfo, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "backups").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "backups")
    env = {"DATABASE_URL": sandbox.database_url, "KULTI_OPS_STORAGE": str(tmp_path / "backups")}
    done = kulti_ops("backup", "export", *arguments, folder=tmp_path, env=env)
    assert done.returncode == code
    assert said in done.stderr
    files = [p.name for p in tmp_path.rglob("*.csv*")]
    assert len(files) == (2 if code == 0 else 0)
    if code == 0:
        assert done.stdout.strip().endswith(".csv")
        assert len(Path(done.stdout.strip()).read_text().splitlines()) == 1


def test_export_is_one_snapshot_whatever_is_written_meanwhile(
    sandbox_copy: Callable[[], Database], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sandbox_copy().url
    ((before,),) = ask(url, "SELECT count(*) FROM credit_transactions")
    lines = exports._lines

    def with_a_writer(*given: Any) -> Any:
        if given[1] is ExportKind.CREDITS:
            with psycopg.connect(url, connect_timeout=10) as connection:
                connection.execute("DELETE FROM credit_transactions")
        return lines(*given)

    monkeypatch.setattr(exports, "_lines", with_a_writer)
    files = exported(url, tmp_path, ExportKind.USERS, ExportKind.CREDITS)
    assert len(read_csv(files["credits"])) == before


def test_export_that_row_security_would_cut_short_fails(
    sandbox_copy: Callable[[], Database], tmp_path: Path
) -> None:
    database = sandbox_copy()
    with psycopg.connect(database.admin_url, connect_timeout=10) as connection:
        connection.execute("CREATE ROLE export_weak LOGIN PASSWORD 'weak' NOBYPASSRLS")
        connection.execute("GRANT pg_read_all_data TO export_weak")
    url = database.url.replace("//postgres:", "//export_weak:", 1)
    password = psycopg.conninfo.conninfo_to_dict(url)["password"]
    try:
        with pytest.raises(DatabaseError, match="row-level security"):
            exported(url.replace(f":{password}@", ":weak@"), tmp_path, ExportKind.USERS)
    finally:
        with psycopg.connect(database.admin_url, connect_timeout=10) as connection:
            connection.execute("DROP OWNED BY export_weak")
            connection.execute("DROP ROLE export_weak")
    assert list((tmp_path / "exports").iterdir()) == []


@pytest.mark.parametrize("fails_at", range(1, 5))
def test_export_that_fails_anywhere_leaves_no_file(
    sandbox: SandboxInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """At the commit of either file, or of either checksum."""
    from kulti_ops.storage.local.writer import LocalWriter

    commit, calls = LocalWriter.commit, 0

    def fail(writer: LocalWriter) -> None:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise StorageError("the disk is full")
        commit(writer)

    monkeypatch.setattr(LocalWriter, "commit", fail)
    with pytest.raises(StorageError):
        exported(sandbox.database_url, tmp_path, ExportKind.USERS, ExportKind.RECORDINGS)
    assert list((tmp_path / "exports").glob("*")) == []


def test_export_removes_what_a_killed_one_left_and_nothing_else(
    sandbox: SandboxInfo, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir(mode=0o700)
    left = folder / ".tmp-0123456789abcdef"
    others = [folder / ".tmp-mine", folder / "notes.txt", folder / "deep" / left.name]
    others[2].parent.mkdir()
    for path in (left, *others):
        path.write_text("x")
    exported(sandbox.database_url, tmp_path, ExportKind.USERS)
    assert not left.exists()
    assert all(path.exists() for path in others)


def test_export_without_audit_log_writes_nothing(sandbox: SandboxInfo, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in its place")
    with pytest.raises(OperationFailedError, match="audit log"):
        exported(sandbox.database_url, tmp_path, ExportKind.USERS)
    assert list((tmp_path / "exports").iterdir()) == []


def test_export_of_the_same_second_leaves_the_first_ones_files(
    sandbox: SandboxInfo, tmp_path: Path
) -> None:
    exported(sandbox.database_url, tmp_path, ExportKind.USERS)
    before = {path: path.read_bytes() for path in (tmp_path / "exports").iterdir()}
    assert len(before) == 2
    with pytest.raises(StorageError, match="file exists"):
        exported(sandbox.database_url, tmp_path, ExportKind.USERS, ExportKind.RECORDINGS)
    assert {path: path.read_bytes() for path in (tmp_path / "exports").iterdir()} == before
