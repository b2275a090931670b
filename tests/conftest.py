"""Rules for the whole suite: in CI (CI=true) no test is skipped without a listed reason."""

from __future__ import annotations

import os
import signal
from fnmatch import fnmatch

import pytest

# The one allow-list: node id (a pattern as of fnmatch) -> why it may be skipped in CI.
ALLOWED_SKIPS: dict[str, str] = {
    "*/schedule/test_install.py::*systemds_own_verification": "wants systemd-analyze, which"
    " containers lack; what is rendered is also read by other tests",
    "*/faults/test_disk.py::*disk*": "only root can mount a small disk; a file-size limit is"
    " staged for everybody",
    "*/restore/test_encrypted.py::*by_the_commands_shown": "needs the real age program, on PATH or"
    " from the distribution's packages; elsewhere our own reading of the same files is tested",
    "*/runbook/test_pooler.py::*": "pgbouncer is on PATH or comes from Debian's packages; not"
    " everybody has either",
    "*/runbook/test_older_servers.py::*[[]15[]]": "PostgreSQL 15 comes as a wheel for Python 3.11"
    " only",
    "*/test_new_project.py::*[[]postgresql-15[]]": "PostgreSQL 15 comes as a wheel for Python 3.11"
    " only",
    "*/restore/test_hosted_variants.py::*older_version*": "PostgreSQL 15 comes as a wheel for"
    " Python 3.11 only",
    "*/runbook/test_older_servers.py::*[[]16[]]": "PostgreSQL 16 comes as a wheel for Linux on"
    " x86_64 only",
}

_ENDING = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
_skipped: pytest.StashKey[dict[str, str]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_skipped] = {}
    # in the background of a shell, or of nohup, these are ignored: also by what the tests start
    for number, action in _ENDING.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, action)


class _Watch:
    """Collects what was skipped, module-wide skips at collection included."""

    def __init__(self, config: pytest.Config) -> None:
        self._skipped = config.stash[_skipped]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report.nodeid, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report.nodeid, report.longrepr)

    def _note(self, node: str, reason: object) -> None:
        if not any(fnmatch(node, pattern) for pattern in ALLOWED_SKIPS):
            text = reason[2] if isinstance(reason, tuple) else reason
            self._skipped[node] = str(text).removeprefix("Skipped: ")


def pytest_sessionstart(session: pytest.Session) -> None:
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        session.config.pluginmanager.register(_Watch(session.config))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.stash[_skipped] and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if skipped := config.stash[_skipped]:
        terminalreporter.section("skipped without a listed reason", sep="=", red=True)
        for node, reason in skipped.items():
            terminalreporter.line(f"{node}: {reason}")
        terminalreporter.line("in CI this fails: run them, or list them in tests/conftest.py")
