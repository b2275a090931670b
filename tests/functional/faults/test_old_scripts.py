"""How the old scripts failed: each of it must be impossible here."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.catalog import list_entries
from kulti_ops.storage.local import LocalStorage
from tests.functional.faults.stage import REAL_BIN, Pause, Stage, ask, fake_tools
from tests.functional.faults.test_concurrency import at
from tests.functional.faults.test_damage import bad, look, resign
from tests.functional.faults.test_target import MEDDLE, RUN, TABLES, never_ok, restore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.conftest import Database

    Note = Callable[[object], None]


@pytest.fixture
def own(small_copy: Callable[[], Database], stage: Stage) -> Database:
    """A small database of this test's own, the source of its stage."""
    made = small_copy()
    stage.url = made.url
    return made


@pytest.mark.fault("old scripts: every valid backup fails its own checksum")
def test_old_scripts_checksum_of_a_valid_backup_is_right_wherever_it_lies(
    good: Stage, tmp_path: Path, outcome: Note
) -> None:
    copied = shutil.copytree(good.backup, tmp_path / "elsewhere")
    done = subprocess.run(
        [shutil.which("sha256sum") or "sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=copied,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == 3
    outcome("sha256sum -c says OK three times")


@pytest.mark.fault("old scripts: SQL errors end in restored successfully")
def test_old_scripts_every_error_of_a_restore_is_counted_and_fails_it(
    stage: Stage, own: Database, empty_database: Callable[[], Database], outcome: Note
) -> None:
    ask(own.url, "CREATE FUNCTION public.f(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT i'")
    for number in range(40):
        ask(own.url, f"CREATE INDEX f{number} ON public.rooms ((public.f(id) + {number}))")
    ask(
        own.url,
        "CREATE OR REPLACE FUNCTION public.f(i int) RETURNS int IMMUTABLE LANGUAGE sql"
        " AS 'SELECT 1 / (i - i)'",
    )
    stage.create()
    done = restore(stage, empty_database().url, "--jobs", "1")
    assert done.code == 5
    errors = next(r for r in done.document["results"] if r["id"] == "restore")
    assert errors["evidence"]["errors"] == 40
    assert len(errors["rows"]) == 40
    outcome(f"exit 10: {errors['summary']}")


@pytest.mark.fault("old scripts: a restore over a changed database says success")
def test_old_scripts_restore_over_a_changed_database_is_refused_and_changes_nothing(
    good: Stage, empty_database: Callable[[], Database], outcome: Note
) -> None:
    target = empty_database()
    assert restore(good, target.url).code == 0
    ask(target.url, "UPDATE public.rooms SET topic = 'changed'")
    ask(target.url, "CREATE TABLE public.newer (id int)")
    again = restore(good, target.url)
    assert again.code == 6
    changed = "SELECT count(*) FROM public.rooms WHERE topic = 'changed'"
    assert ask(target.url, changed) == 200
    outcome(f"exit 6: {again.line}")


@pytest.mark.fault("old scripts: a cut dump appears valid")
def test_old_scripts_cut_dump_is_crit_and_not_restored(
    damaged: Stage, empty_database: Callable[[], Database], outcome: Note
) -> None:
    dump = damaged.backup / "dump.pgc"
    dump.write_bytes(dump.read_bytes()[: int(dump.stat().st_size * 0.4)])
    resign(damaged.backup)
    verified = damaged.forked("verify", "backup", "--format", "json")
    assert verified.code == 10
    target = empty_database()
    assert restore(damaged, target.url).code == 6
    assert ask(target.url, TABLES) == 0
    outcome(verified.findings)


@pytest.mark.fault("old scripts: rows executed as SQL after a refused COPY")
def test_old_scripts_rows_of_a_refused_copy_are_never_executed(
    stage: Stage, own: Database, empty_database: Callable[[], Database], outcome: Note
) -> None:
    ask(
        own.url,
        """
        CREATE FUNCTION public.ok(t text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE TABLE public.a_texts (body text CHECK (public.ok(body)));
        INSERT INTO public.a_texts VALUES ('x'), (E'\\nCREATE TABLE public.owned ();\\n'),
            ('DROP TABLE public.rooms CASCADE;'), (E'\\\\.\\nCREATE TABLE public.owned ();');
        CREATE OR REPLACE FUNCTION public.ok(t text) RETURNS boolean LANGUAGE sql
            AS 'SELECT t <> ''x''';
        """,
    )
    stage.create()
    target = empty_database()
    done = restore(stage, target.url)
    assert done.code == 5
    assert ask(target.url, "SELECT to_regclass('public.owned') IS NULL")
    assert ask(target.url, "SELECT count(*) FROM public.rooms") == 200
    tables = {t["name"]: t for t in done.document["data"]["tables"]}
    assert tables["public.a_texts"]["match"] is False
    outcome(done.findings)


@pytest.mark.fault("old scripts: grants are lost")
def test_old_scripts_grants_are_restored_and_a_lost_one_is_found(
    good: Stage, empty_database: Callable[[], Database], outcome: Note
) -> None:
    target = empty_database()
    assert restore(good, target.url).code == 0
    assert ask(target.url, "SELECT has_table_privilege('anon', 'public.rooms', 'SELECT')")

    def lose_grants() -> None:
        from kulti_ops.restore.native import NativeRestore

        NativeRestore._rights = lambda *_: iter(())  # type: ignore[method-assign]

    done = good.forked(
        *(*RUN, "--format", "json"), prepare=lose_grants, RESTORE_URL=empty_database().url
    )
    assert done.code == 10
    assert "table public.rooms: acl is " in done.findings
    outcome(f"kept; lost on purpose: {done.findings}")


@pytest.mark.fault("old scripts: a dropped table is not noticed")
def test_old_scripts_missing_table_is_noticed_though_another_name_contains_it(
    stage: Stage, own: Database, outcome: Note
) -> None:
    ask(own.url, "CREATE TABLE public.room (id int)")
    script = """
import os, sys
more = ["-T", "public.room"] if any(a.startswith("--snapshot") for a in sys.argv) else []
os.execv(REAL, [REAL, *sys.argv[1:], *more])
"""
    tools = fake_tools(stage.root / "tools", pg_dump=script)
    assert stage.run("backup", "create", KULTI_OPS_PG_BIN_DIR=str(tools)).code == 0
    verified = stage.forked("verify", "backup", "--format", "json")
    assert verified.code == 10
    (missing,) = next(r["rows"] for r in verified.document["results"] if r["id"] == "tables")
    assert missing == {"name": "public.room"}
    outcome(verified.findings)


@pytest.mark.fault("old scripts: about 3 records for half a million")
def test_old_scripts_rows_are_counted_exactly(stage: Stage, own: Database, outcome: Note) -> None:
    ask(own.url, "CREATE TABLE public.many AS SELECT i FROM generate_series(1, 500000) AS i")
    stage.create()
    verified = stage.forked("verify", "backup", "--format", "json")
    rows = next(r for r in verified.document["results"] if r["id"] == "rows")
    assert rows["evidence"]["rows"] == 503_700
    outcome(rows["summary"])


@pytest.mark.fault("old scripts: schema-only, empty and junk files are valid")
@pytest.mark.parametrize("kind", ["schema-only", "empty", "junk", "plain", "another database"])
def test_old_scripts_files_that_hold_no_data_are_crit_even_with_right_sums(
    damaged: Stage, sandbox_named: Callable[[str], str], kind: str, outcome: Note
) -> None:
    dump = damaged.backup / "dump.pgc"
    url = sandbox_named("faults_other") if kind == "another database" else damaged.url
    options = {"schema-only": ["-Fc", "-s"], "plain": ["-Fp"], "another database": ["-Fc"]}
    if kind in options:
        argv = [REAL_BIN / "pg_dump", *options[kind], f"--file={dump}", url]
        subprocess.run(argv, check=True, timeout=60, env={"PATH": os.environ["PATH"]})
    else:
        dump.write_bytes(b"" if kind == "empty" else os.urandom(100_000))
    resign(damaged.backup)
    found = bad(look(damaged))
    assert {"archive", "rows"} & found.keys()
    outcome("; ".join(found.values()))


@pytest.mark.fault("old scripts: a full disk leaves partial files for ever")
def test_old_scripts_partial_files_are_removed_at_once(stage: Stage, outcome: Note) -> None:
    def prepare() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    assert stage.forked("backup", "create", prepare=prepare).code == 5
    assert stage.folders == []
    assert stage.rubbish == []
    outcome("nothing left; a killed run's remains are swept by the next")


@pytest.mark.fault("old scripts: everything older than seven days is deleted")
def test_old_scripts_backups_of_any_age_survive_new_ones(stage: Stage, outcome: Note) -> None:
    now = datetime.now(UTC)
    for days in (0, 8, 40, 400):
        later = at(now + timedelta(days=days))
        assert stage.forked("backup", "create", prepare=later).code == 0
        broken = stage.forked("backup", "create", prepare=later, DATABASE_URL=stage.url + "_no")
        assert broken.code == 5
    assert len(list_entries(LocalStorage(str(stage.storage)))) == 4
    outcome("four backups of 400 days are still there")


@pytest.mark.fault("old scripts: dumps are world-readable")
def test_old_scripts_files_are_private_whatever_the_umask(stage: Stage, outcome: Note) -> None:
    stage.storage.rmdir()
    modes = {}
    for command in (("backup", "create"), ("verify", "backup")):
        done = stage.forked(*command, prepare=lambda: os.umask(0) and None)
        assert done.code == 0, done.err
    for path in (stage.storage, *stage.storage.rglob("*")):
        modes[path.name] = stat.S_IMODE(path.stat().st_mode)
        assert modes[path.name] == (0o700 if path.is_dir() else 0o600), path
    assert len(modes) >= 8
    outcome("files 0600, folders 0700, with umask 0")


@pytest.mark.fault("old scripts: temporary files with predictable names")
def test_old_scripts_temporary_files_are_private_and_unpredictable(
    stage: Stage, outcome: Note
) -> None:
    names = []
    for number in range(2):
        pause = Pause.at(stage, 5000)
        with stage.begun("backup", "create", **pause.environment) as child:
            pause.wait()
            (unfinished,) = [p for p in stage.folders if not (p / "manifest.json").exists()]
            (temporary,) = unfinished.glob(".tmp-*")
            assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
            names.append(temporary.name)
            pause.end()
            assert child.finish().code == 0
        for path in (pause.paused, pause.go):
            path.unlink()
        shutil.rmtree(pause.folder)
        assert len(stage.folders) == number + 1
    assert names[0] != names[1]
    assert all(len(name) == len(".tmp-") + 16 for name in names)
    assert stage.rubbish == []
    outcome("64 random bits, 0600, exclusive")


@pytest.mark.fault("old scripts: a missing database returns 0")
def test_old_scripts_missing_database_fails_and_writes_nothing(
    stage: Stage, small: Database, outcome: Note
) -> None:
    done = stage.run("backup", "create", DATABASE_URL=small.url + "_gone")
    assert done.code == 5
    assert stage.folders == []
    outcome(f"exit 5: {done.line}")


def test_old_scripts_restore_command_line_never_says_ok_after_a_failure(
    damaged: Stage, empty_database: Callable[[], Database]
) -> None:
    statement = "DELETE FROM public.room_guests WHERE id = 1"
    tools = fake_tools(damaged.root / "tools", pg_restore=MEDDLE.format(statement=statement))
    environment = {"RESTORE_URL": empty_database().url, "KULTI_OPS_PG_BIN_DIR": str(tools)}
    done = damaged.run(*RUN, **environment)
    assert done.code == 10
    assert "restore run: crit" in done.out
    quiet = damaged.run(*RUN, "--quiet", **{**environment, "RESTORE_URL": empty_database().url})
    assert quiet.code == 10
    assert "crit" in quiet.out
    never_ok(damaged.json(*RUN, **{**environment, "RESTORE_URL": empty_database().url}))
