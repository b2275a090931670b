"""`--watch`: differences marked, a lost connection shown and survived, a clean end."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.pgserver.process import wait_until
from tests.functional.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.conftest import Database

WATCH = ("runbook", "check", "idle-in-transaction", "--warn", "0", "--watch", "0.5")


class Watched:
    """A watching process and what it has written."""

    def __init__(self, url: str, folder: Path, *arguments: str, stdout: int | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kulti_ops", *(arguments or WATCH)],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "PYTHONPATH": str(ROOT),
                "DATABASE_URL": url,
                "TERM": "xterm",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
        )
        self.text = ""
        if self.process.stdout is not None:
            self._follow(self.process.stdout.fileno())

    def _follow(self, descriptor: int) -> None:
        def read() -> None:
            while piece := _read(descriptor):
                self.text += piece.decode()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()

    def shows(self, words: str) -> None:
        """Wait until the text after all that was seen before holds these words."""
        assert wait_until(lambda: words in self.text, timeout_s=20), self.text
        self.text = self.text.partition(words)[2]

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=20)
        assert b"Traceback" not in errors
        return self.process.returncode


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # a terminal whose other side is gone
        return b""


@contextmanager
def watched(url: str, folder: Path, *arguments: str) -> Iterator[Watched]:
    found = Watched(url, folder, *arguments)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.communicate(timeout=20)


def test_watch_marks_what_is_new_and_gone_and_survives_a_lost_connection(
    copy: Database, session: psycopg.Connection, tmp_path: Path
) -> None:
    with (
        watched(copy.url, tmp_path) as seen,
        psycopg.connect(copy.admin_url.replace(copy.name, "template1"), autocommit=True) as admin,
    ):
        seen.shows("until Ctrl-C\nok")
        session.execute("SELECT 1")
        seen.shows("warn  idle-in-transaction  [new, was ok, findings 0 → 1]")
        seen.shows("  +       warn ")
        session.rollback()
        seen.shows("[gone, was warn, findings 1 → 0]")
        seen.shows("  -       warn ")
        admin.execute(f"ALTER DATABASE {copy.name} ALLOW_CONNECTIONS false".encode())
        try:
            seen.shows("crit  connection  [new]")
            seen.shows("not asked this time: idle-in-transaction (was ok)")
        finally:
            admin.execute(f"ALTER DATABASE {copy.name} ALLOW_CONNECTIONS true".encode())
        seen.shows("not asked this time: connection (was crit)")
        assert seen.end() == 130


def test_watch_of_triage_ends_with_the_code_of_its_signal(copy: Database, tmp_path: Path) -> None:
    with watched(copy.url, tmp_path, "runbook", "triage", "--watch", "1") as seen:
        seen.shows("runbook triage: ok")
        assert seen.end(signal.SIGTERM) == 143


def test_watch_whose_reader_leaves_ends_with_its_verdict(copy: Database, tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    seen = Watched(copy.url, tmp_path, stdout=theirs)
    os.close(theirs)
    assert os.read(ours, 10)
    os.close(ours)
    _, errors = seen.process.communicate(timeout=20)
    assert (seen.process.returncode, errors) == (0, b"")


def test_watch_on_a_terminal_draws_over_itself_and_gives_the_screen_back(
    copy: Database, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    seen = Watched(copy.url, tmp_path, stdout=theirs)
    os.close(theirs)
    seen._follow(ours)
    try:
        for mark in ("\x1b[?1049h", "\x1b[H\x1b[2J", "until Ctrl-C", "\x1b[H\x1b[2J"):
            seen.shows(mark)
        assert seen.end() == 130
        seen.shows("\x1b[?1049l")
        seen.shows("runbook check:")
    finally:
        seen.process.kill()
        seen.process.wait(20)
        os.close(ours)


@pytest.mark.parametrize(
    "arguments",
    [
        ("triage", "--watch", "5", "--format", "json"),
        ("check", "--all", "--watch", "5", "--format", "csv"),
        ("check", "--all", "--watch", "5", "--quiet"),
        ("check", "--all", "--watch", "5", "--output", "report"),
        ("check", "--all", "--watch", "0"),
    ],
)
def test_watch_with_what_is_for_one_report_is_refused(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    seen = Watched("postgresql://u@127.0.0.1:1/d", tmp_path, "runbook", *arguments)
    seen.process.communicate(timeout=20)
    assert seen.process.returncode == 2
