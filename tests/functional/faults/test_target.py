"""Restores that must not begin, and restores that go wrong: none of them ends with ok."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.archive import Entry
from kulti_ops.backup.catalog import State, list_entries
from kulti_ops.clock import parse_iso
from kulti_ops.pgserver import ScratchOptions, scratch_server
from kulti_ops.restore.tool import TORN, _Errors
from kulti_ops.storage.local import LocalStorage
from tests.functional.faults.stage import Run, Stage, ask, fake_tools, until, waits_for_lock
from tests.functional.faults.test_damage import signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kulti_ops.pgtools import Installation
    from tests.functional.conftest import Database

    Note = Callable[[object], None]

RUN = ("restore", "run", "--target", "env:RESTORE_URL", "--create-roles", "--yes")
TABLES = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"

# pg_restore that restores only the first entries of its list, then does something else
CUT = """
import os, signal, subprocess, sys
if not any(a.startswith("--dbname") for a in sys.argv):
    os.execv(REAL, [REAL, *sys.argv[1:]])
(listed,) = [a.partition("=")[2] for a in sys.argv if a.startswith("--use-list")]
lines = open(listed).readlines()
short = __file__ + ".list"
open(short, "w").writelines(lines[:{keep}])
arguments = [f"--use-list={{short}}" if a.startswith("--use-list") else a for a in sys.argv[1:]]
code = subprocess.run([REAL, *arguments]).returncode
os.unlink(short)
{then}
"""
# pg_restore after whose work somebody changes something at the target
MEDDLE = """
import os, subprocess, sys
code = subprocess.run([REAL, *sys.argv[1:]], close_fds=False).returncode
(database,) = [a.partition("=")[2] for a in sys.argv if a.startswith("--dbname")] or [None]
if database:
    psql = [os.path.join(os.path.dirname(REAL), "psql"), "-qX", "-v", "ON_ERROR_STOP=1"]
    subprocess.run([*psql, "-d", database, "-c", {statement!r}], check=True)
sys.exit(code)
"""


def restore(stage: Stage, url: str, *options: str, **environment: str) -> Run:
    return stage.forked(*RUN, *options, "--format", "json", RESTORE_URL=url, **environment)


def refused(done: Run, says: str) -> str:
    assert done.code == 6, done.err
    assert says in done.line
    assert done.document["status"] == "unknown"
    assert done.document["error"]["kind"] == "refused"
    return f"exit 6: {done.line}"


@pytest.mark.fault("restore into a non-empty database")
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("CREATE TABLE public.mine (id int)", "is not empty: relation public.mine"),
        ("CREATE SCHEMA other", "is not empty: schema other"),
        (
            "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "is not empty: function public.f()",
        ),
        ("SELECT lo_create(4711)", "is not empty: large object 4711"),
        ("CREATE TYPE public.mood AS ENUM ('a')", "is not empty: type"),
    ],
)
def test_restore_into_a_database_that_holds_something_is_refused(
    good: Stage,
    empty_database: Callable[[], Database],
    statement: str,
    says: str,
    outcome: Note,
) -> None:
    target = empty_database()
    ask(target.url, statement)
    before = ask(target.url, TABLES)
    outcome(refused(restore(good, target.url), says))
    assert ask(target.url, TABLES) == before


@pytest.mark.fault("restore into the source")
@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("role", ["url", "admin_url"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_restore_into_the_source_is_refused_whatever_it_is_called(
    good: Stage, small: Database, host: str, role: str, outcome: Note, *, configured: bool
) -> None:
    target = str(getattr(small, role)).replace("127.0.0.1", host)
    source = good.url if configured else ""
    done = restore(good, target, DATABASE_URL=source)
    outcome(refused(done, "is the database that the backup was made of"))


@pytest.mark.fault("restore into the source")
def test_restore_into_the_source_is_proven_where_names_and_identifiers_tell_nothing(
    damaged: Stage, small: Database
) -> None:
    """As with a pooler's name for a host whose role may not read the system identifier."""
    manifest = damaged.backup / "manifest.json"
    document = json.loads(manifest.read_text())
    document["source"] |= {"system_identifier": None, "host": "pooler.example"}
    manifest.write_text(json.dumps(signed(document)))
    done = restore(damaged, small.admin_url.replace("127.0.0.1", "localhost"))
    refused(done, "is the database that the backup was made of")


@pytest.mark.fault("restore with a missing extension")
def test_restore_without_an_extension_of_the_backup_is_refused(
    stage: Stage,
    small_copy: Callable[[], Database],
    empty_database: Callable[[], Database],
    outcome: Note,
) -> None:
    own = small_copy()
    ask(own.admin_url, 'CREATE EXTENSION "uuid-ossp"')
    stage.url = own.url
    stage.create()
    target = empty_database()
    outcome(refused(restore(stage, target.url), "has no extension uuid-ossp"))
    assert ask(target.url, TABLES) == 0


@pytest.mark.fault("restore with a missing role")
def test_restore_without_a_role_of_the_backup_is_refused_unless_told_to_create_it(
    stage: Stage, small: Database, empty_database: Callable[[], Database], outcome: Note
) -> None:
    ask(small.admin_url, "CREATE ROLE faults_lost")
    try:
        stage.create()
    finally:
        ask(small.admin_url, "DROP ROLE faults_lost")
    target = empty_database()
    command = ("restore", "run", "--target", "env:RESTORE_URL", "--yes", "--format", "json")
    outcome(refused(stage.forked(*command, RESTORE_URL=target.url), "faults_lost"))
    assert ask(target.url, TABLES) == 0
    done = restore(stage, target.url)
    assert done.code == 0, done.findings
    ask(target.url, "DROP ROLE faults_lost")


@pytest.mark.fault("restore of a damaged backup")
def test_restore_of_a_damaged_backup_is_refused_before_anything_is_changed(
    damaged: Stage, empty_database: Callable[[], Database], outcome: Note
) -> None:
    dump = damaged.backup / "dump.pgc"
    dump.write_bytes(dump.read_bytes()[:-1])
    target = empty_database()
    outcome(refused(restore(damaged, target.url), "does not pass its verification"))
    assert ask(target.url, TABLES) == 0


@pytest.mark.fault("restore cut at many places")
@pytest.mark.parametrize("keep", [0, 12, -1])
@pytest.mark.parametrize(
    "then", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(code)", "sys.exit(0)"]
)
def test_restore_cut_is_a_failure_that_says_so(
    damaged: Stage,
    empty_database: Callable[[], Database],
    keep: int,
    then: str,
    outcome: Note,
) -> None:
    """Also where pg_restore ends well without having done its work."""
    tools = fake_tools(damaged.root / "tools", pg_restore=CUT.format(keep=keep, then=then))
    done = restore(damaged, empty_database().url, KULTI_OPS_PG_BIN_DIR=str(tools))
    said = never_ok(done)
    if "KILL" in then:
        assert "ended by signal 9" in said
    outcome(said)


def never_ok(done: Run) -> str:
    assert done.code in {5, 10}, (done.code, done.err)
    assert done.document["status"] in {"crit", "unknown"}
    return f"exit {done.code}: {done.line if done.err else done.findings}"


@dataclass(frozen=True, kw_only=True)
class HalfWay:
    """A pg_restore that pauses when the tables are there and their rows are not."""

    folder: Path
    paused: Path
    go: Path

    @classmethod
    def of(cls, stage: Stage) -> HalfWay:
        paused, go = stage.root / "paused", stage.root / "go"
        script = CUT.format(keep=12, then=GO_ON.format(paused=str(paused), go=str(go)))
        folder = fake_tools(stage.root / "tools", pg_restore=script)
        return cls(folder=folder, paused=paused, go=go)


GO_ON = """
open({paused!r}, "w").close()
import time
while not os.path.exists({go!r}):
    time.sleep(0.01)
open(listed, "w").writelines(lines[12:])
os.execv(REAL, [REAL, *sys.argv[1:]])
"""


@pytest.mark.fault("restore cut at many places")
def test_restore_whose_session_is_ended_in_the_midst_is_a_failure(
    damaged: Stage, empty_database: Callable[[], Database]
) -> None:
    target, half = empty_database(), HalfWay.of(damaged)
    waits = waits_for_lock(target.url, "public.bulk")
    with (
        damaged.begun(
            *(*RUN, "--format", "json"),
            RESTORE_URL=target.url,
            KULTI_OPS_PG_BIN_DIR=str(half.folder),
        ) as child,
        psycopg.connect(target.url, connect_timeout=10) as holder,
    ):
        until(half.paused.exists)
        holder.execute("LOCK TABLE public.bulk IN ACCESS EXCLUSIVE MODE")
        half.go.touch()
        until(waits)
        ask(target.url, f"SELECT pg_terminate_backend({waits()})")
        holder.commit()
        done = child.finish()
    never_ok(done)


@pytest.mark.fault("server stopped during the restore")
def test_restore_server_stopped_meanwhile_is_a_failure_that_says_so(
    damaged: Stage, server_root: Path, server_install: Installation, outcome: Note
) -> None:
    half = HalfWay.of(damaged)
    options = ScratchOptions(listen="tcp", superuser="plain_admin")
    with (
        scratch_server(server_root, server_install, options=options) as server,
        damaged.begun(
            *(*RUN, "--format", "json"),
            RESTORE_URL=server.dsn(),
            KULTI_OPS_PG_BIN_DIR=str(half.folder),
        ) as child,
    ):
        until(half.paused.exists)
        server.stop("immediate")
        half.go.touch()
        done = child.finish()
    outcome(never_ok(done))


@pytest.mark.fault("a restore whose row order differs")
def test_restore_in_another_order_is_equal_and_one_changed_row_is_still_found(
    damaged: Stage, empty_database: Callable[[], Database], outcome: Note
) -> None:
    said = []
    for number, change in enumerate(("topic = topic", "topic = topic || '!'")):
        statement = f"UPDATE public.rooms SET {change} WHERE id = 7"
        folder = damaged.root / f"tools{number}"
        tools = fake_tools(folder, pg_restore=MEDDLE.format(statement=statement))
        done = restore(damaged, empty_database().url, KULTI_OPS_PG_BIN_DIR=str(tools))
        rooms = next(t for t in done.document["data"]["tables"] if t["name"] == "public.rooms")
        assert rooms["rows"] == 200
        assert rooms["match"] == (number == 0)
        rows = next(r for r in done.document["results"] if r["id"] == "restored-rows")
        assert done.code == (0, 10)[number]
        said.append(rows["summary"])
    assert "(1 in another order)" in said[0]
    assert said[1] == "1 tables differ from the archive: public.rooms (200 of 200 rows)"
    outcome("; ".join(said))


@pytest.mark.fault("a restore whose row order differs")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rooms SET topic = topic; DELETE FROM room_guests WHERE id = 200",
        "UPDATE bulk SET body = body WHERE id = 1; UPDATE bulk SET raw = '' WHERE id = 2",
        "UPDATE bulk SET at = at + interval '1 microsecond' WHERE id = 3",
        "UPDATE rooms SET topic = (SELECT topic FROM rooms WHERE id = 1) WHERE id = 2",
    ],
)
def test_restore_changed_afterwards_is_found_whatever_the_order(
    damaged: Stage, empty_database: Callable[[], Database], statement: str
) -> None:
    tools = fake_tools(damaged.root / "tools", pg_restore=MEDDLE.format(statement=statement))
    done = restore(damaged, empty_database().url, KULTI_OPS_PG_BIN_DIR=str(tools))
    assert done.code == 10, done.err
    assert done.verdicts["restored-rows"] == "crit"


HOSTILE = """
CREATE FUNCTION public.check_one(integer) RETURNS boolean LANGUAGE plpgsql {security}
    AS $$ BEGIN RETURN true; END $$;
ALTER FUNCTION public.check_one(integer) OWNER TO supabase_admin;
CREATE TABLE public.hostile (id integer CHECK (public.check_one(id)));
INSERT INTO public.hostile VALUES (1);
CREATE OR REPLACE FUNCTION public.check_one(integer) RETURNS boolean LANGUAGE plpgsql
    {security} AS $$ BEGIN
    COPY (SELECT 'owned') TO PROGRAM 'cat > {file}';
    RETURN true;
END $$;
"""


@pytest.mark.fault("a hostile dump runs a program in the drill")
@pytest.mark.parametrize("security", ["SECURITY DEFINER", "SECURITY INVOKER"])
def test_drill_of_a_hostile_dump_runs_no_program(
    stage: Stage, small_copy: Callable[[], Database], security: str, outcome: Note
) -> None:
    """Neither as the restoring role nor as the source's superuser, who owns the function."""
    stage.root.chmod(0o711)
    loot = stage.root / "loot"
    loot.mkdir()
    loot.chmod(0o777)
    own = small_copy()
    ask(own.admin_url, HOSTILE.format(file=loot / "owned", security=security))
    stage.url = own.url
    stage.create()
    done = stage.json("restore", "drill", "--jobs", "1")
    assert list(loot.iterdir()) == []
    assert done.code == 10
    assert done.verdicts["restore"] == "crit"
    (row,) = next(r["rows"] for r in done.document["results"] if r["id"] == "restore")
    assert row["entry"] == "TABLE DATA public.hostile"
    assert "permission denied to COPY to or from an external program" in row["message"]
    (listed,) = list_entries(LocalStorage(str(stage.storage)))
    assert listed.state is State.FAILED
    outcome(done.findings)


CANARY = "canary-4711"
LEAKY = f"""
CREATE TABLE public.leaky (id integer, body text);
INSERT INTO public.leaky VALUES (1, '{CANARY}'), (2, '{CANARY}');
CREATE FUNCTION public.one(id integer, body text) RETURNS text IMMUTABLE LANGUAGE sql
    AS 'SELECT id || body';
CREATE UNIQUE INDEX leaky_once ON public.leaky (public.one(id, body));
CREATE OR REPLACE FUNCTION public.one(id integer, body text) RETURNS text IMMUTABLE LANGUAGE sql
    AS 'SELECT body';
CREATE FUNCTION public.two(body text) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE INDEX leaky_number ON public.leaky (public.two(body));
CREATE OR REPLACE FUNCTION public.two(body text) RETURNS integer IMMUTABLE LANGUAGE sql
    AS 'SELECT body::integer';
CREATE FUNCTION public.three(body text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE TABLE public.picky (id integer, body text CHECK (public.three(body)));
INSERT INTO public.picky VALUES (1, '{CANARY}'), (2, E'{CANARY}\\npg_restore: error: {CANARY}');
CREATE OR REPLACE FUNCTION public.three(body text) RETURNS boolean IMMUTABLE LANGUAGE sql
    AS 'SELECT false';
"""


@pytest.mark.fault("row data in a server's error detail")
def test_row_data_in_errors_reaches_nothing_that_is_shown_or_kept(
    stage: Stage,
    small_copy: Callable[[], Database],
    empty_database: Callable[[], Database],
    outcome: Note,
) -> None:
    own = small_copy()
    ask(own.url, LEAKY)
    stage.url = own.url
    stage.create()
    report = stage.root / "report.md"
    drilled = stage.json("restore", "drill", "--jobs", "1", "--report", str(report), "--debug")
    assert drilled.code == 10
    target = empty_database()
    restored = stage.run(*RUN, "--debug", RESTORE_URL=target.url)
    assert restored.code == 5
    rows = next(r["rows"] for r in drilled.document["results"] if r["id"] == "restore")
    assert {row["entry"] for row in rows} >= {
        "INDEX public.leaky_once",
        "INDEX public.leaky_number",
        "TABLE DATA public.picky",
    }
    records = (stage.backup / "records").iterdir()
    kept = [report, stage.root / "state" / "audit.jsonl", *records]
    shown = [drilled.out, drilled.err, restored.out, restored.err]
    for text in (*shown, *(file.read_text() for file in kept)):
        assert CANARY not in text
    assert "violates check constraint" in drilled.out
    outcome("; ".join(sorted({row["message"] for row in rows})))


NOISY = """
CREATE FUNCTION public.noisy(id integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  RAISE WARNING E'look\\npg_restore: error: could not execute query: ERROR:  imitated';
  RETURN true;
END $$;
CREATE TABLE public.loud (id integer CHECK (public.noisy(id)));
INSERT INTO public.loud VALUES (1), (2);
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_warning_that_looks_like_an_error_of_pg_restore_is_none(
    stage: Stage, small_copy: Callable[[], Database], jobs: str
) -> None:
    own = small_copy()
    ask(own.admin_url, NOISY)
    stage.url = own.url
    stage.create()
    done = stage.json("restore", "drill", "--jobs", jobs)
    assert done.verdicts["restore"] == "ok"
    assert done.verdicts["restored-rows"] == "ok"


# Loading either table waits for the other's lock, which the job that loads that one holds by then.
CROSSED = """
CREATE FUNCTION public.other_is_locked(other text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. 60 LOOP
    EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE pid <> pg_backend_pid()
                      AND relation = pg_catalog.format('public.%I', other)::regclass);
    PERFORM pg_sleep(0.05);
  END LOOP;
  EXECUTE pg_catalog.format('LOCK TABLE public.%I', other);
  RETURN true;
END $$;
CREATE TABLE public.aa_one (other text PRIMARY KEY CHECK (public.other_is_locked(other)));
CREATE TABLE public.aa_two (other text PRIMARY KEY CHECK (public.other_is_locked(other)));
CREATE TABLE public.refers (
    one text REFERENCES public.aa_one, two text REFERENCES public.aa_two);
INSERT INTO public.aa_one VALUES ('aa_two');
INSERT INTO public.aa_two VALUES ('aa_one');
INSERT INTO public.refers VALUES ('aa_two', 'aa_one');
"""


@pytest.mark.fault("two jobs of a restore lock each other")
def test_restore_whose_jobs_lock_each_other_loads_again_what_lost(
    stage: Stage, small_copy: Callable[[], Database], outcome: Note
) -> None:
    own = small_copy()
    ask(own.url, CROSSED)
    stage.url = own.url
    stage.create()
    done = stage.json("restore", "drill", "--jobs", "2")
    assert done.code == 0, done.findings
    restored = next(r for r in done.document["results"] if r["id"] == "restore")
    assert restored["status"] == "ok"
    # the rows of one table, and the key that refers to them
    assert restored["evidence"]["again"] == 2
    assert "2 again, alone, after a deadlock" in restored["summary"]
    outcome(restored["summary"])


def entry(
    dump_id: int, desc: str, tag: str, definition: str = "", drop: str = "", copy: str = ""
) -> Entry:
    return Entry(
        dump_id=dump_id,
        has_data=desc == "TABLE DATA",
        classid=0,
        oid=0,
        tag=tag,
        desc=desc,
        section=4,
        definition=definition,
        copy_statement=copy,
        namespace="public",
        owner="postgres",
        dependencies=(),
        drop_statement=drop,
    )


LONG = f"CREATE INDEX two ON public.b USING btree (({' || '.join(f'c{n}' for n in range(40))}));"
ENTRIES = (
    entry(7, "INDEX", "one", "\nCREATE INDEX one ON public.a USING btree (id);\n"),
    entry(8, "INDEX", "two", f"\n{LONG}\n"),
    entry(9, "TABLE DATA", "c", copy="COPY public.c (id) FROM stdin;\n"),
    entry(10, "VIEW", "d", "CREATE VIEW public.d AS\n SELECT 1;\n", "DROP VIEW public.d;\n"),
)
FROM = [f"pg_restore: from TOC entry {e.dump_id}; 0 0 {e.label}" for e in ENTRIES]
FAILED = "pg_restore: error: could not execute query: ERROR:  "


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ([f"{FAILED}x", f"Command was: {ENTRIES[0].definition.strip()}"], "INDEX public.one"),
        ([f"{FAILED}x", f"Command was: {LONG[:127]}..."], "INDEX public.two"),
        (['pg_restore: error: COPY failed for table "c": ERROR:  x'], "TABLE DATA public.c"),
        ([f"{FAILED}x", "Command was: COPY public.c (id) FROM stdin;"], "TABLE DATA public.c"),
        ([f"{FAILED}x", "DETAIL:  y", "Command was: CREATE VIEW public.d AS"], "VIEW public.d"),
        ([f"{FAILED}x", "Command was: ALTER VIEW public.d OWNER TO z;"], "VIEW public.d"),
        ([f"{FAILED}x", "Command was: something else"], "VIEW public.d"),
        ([f"{FAILED}x", "Command was: "], "VIEW public.d"),
    ],
)
def test_error_of_one_of_several_jobs_is_named_by_its_own_statement(
    said: list[str], label: str
) -> None:
    errors = _Errors(ENTRIES, lambda _text: None)
    for line in (*FROM, *said, "Command was: CREATE INDEX one ON"):
        errors.see(line)
    (error,) = errors.found
    assert (error.label, error.message) == (label, "ERROR:  x")


@pytest.mark.parametrize(
    ("lines", "messages"),
    [
        (["pg_restore: error: could not execute query: ERROR:  a"], ["ERROR:  a"]),
        (["pg_restore: pg_restore: error: could not execute query: ERROR:  a"], ["ERROR:  a"]),
        (["pg_restore: pg_restore: finished item 7 TABLE x", f" error: {TORN}"], [TORN]),
        (["pg_restore: error: pg_restore: error: could not execute", "x"], ["could not", TORN]),
        (["pg_restore: error: pg_restore: finished item 7 TABLE x"], [TORN]),
        (["pg_restore: finished item 7 TABLE error: x", "DETAIL:  error: x"], []),
    ],
)
def test_error_lines_torn_by_parallel_jobs_are_counted(
    lines: list[str], messages: list[str]
) -> None:
    errors = _Errors((), lambda _text: None)
    for line in lines:
        errors.see(line)
    assert len(errors.found) == len(messages)
    for error, message in zip(errors.found, messages, strict=True):
        assert error.message.startswith(message)


def test_audit_log_says_what_a_failed_restore_came_to(
    damaged: Stage, empty_database: Callable[[], Database]
) -> None:
    tools = fake_tools(damaged.root / "tools", pg_restore=CUT.format(keep=12, then="sys.exit(0)"))
    done = restore(damaged, empty_database().url, KULTI_OPS_PG_BIN_DIR=str(tools))
    assert done.code == 10
    lines = (damaged.root / "state" / "audit.jsonl").read_text().splitlines()
    begun, ended = map(json.loads, lines)
    assert begun["action"] == "restore begun"
    assert parse_iso(begun["at"]) < parse_iso(ended["at"])
    assert ended["details"]["results"]["restored-inventory"] == "crit"


DEADLOCK = 'pg_restore: error: COPY failed for table "c": ERROR:  deadlock detected'
CERTAIN = [FROM[2], DEADLOCK, FROM[0], f"{FAILED}x", "Command was: CREATE INDEX one ON public.a"]


@pytest.mark.parametrize(
    ("lines", "entries"),
    [
        (CERTAIN, {9, 7}),
        # another job's error came between an error and its statement
        ([FROM[0], f"{FAILED}x", FROM[1], f"{FAILED}y", "Command was: CREATE INDEX one"], {None}),
        ([*CERTAIN, FROM[3], f"{FAILED}z"], {None}),
        ([*CERTAIN, DEADLOCK], {None}),
        ([DEADLOCK.replace('"c"', '"unknown"')], {None}),
    ],
    ids=["certain", "crossed", "nameless", "twice", "unknown"],
)
def test_errors_have_entries_only_where_all_are_certain(
    lines: list[str], entries: set[int | None]
) -> None:
    errors = _Errors(ENTRIES, lambda _text: None)
    for line in lines:
        errors.see(line)
    assert {error.dump_id for error in errors.told_apart()} == entries


def test_error_of_one_of_two_tables_of_a_name_is_nobody_s_for_certain() -> None:
    twins = (*ENTRIES, entry(11, "TABLE DATA", "c", copy="COPY other.c (id) FROM stdin;\n"))
    errors = _Errors(twins, lambda _text: None)
    errors.see(FROM[2])
    errors.see(DEADLOCK)
    (error,) = errors.told_apart()
    assert (error.label, error.dump_id) == ("TABLE DATA public.c", None)
