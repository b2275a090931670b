"""The edge, as a program: documents, codes, signals, masks, files, terminals."""

from __future__ import annotations

import csv
import json
import os
import pty
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops import edge
from kulti_ops.errors import ExitCode
from kulti_ops.options import CommonOptions
from kulti_ops.progress import SILENT
from kulti_ops.report import Outcome, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[2]
CANARY = "canary-secret-31337"
MEMBERS = [
    "schema_version",
    "command",
    "status",
    "started_at",
    "duration_s",
    "results",
    "data",
    "error",
]

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}


def argv(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.unit.edge_program", *arguments]


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Callable[..., Done]:
    def program(*arguments: str, **changed: str) -> Done:
        return subprocess.run(
            argv(*arguments),
            cwd=tmp_path,
            env={**environment, **changed},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return program


@pytest.fixture
def start(
    environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the program without waiting for it; it is ended at the end."""
    children: list[subprocess.Popen[str]] = []

    def program(*arguments: str, **options: Any) -> subprocess.Popen[str]:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        child = subprocess.Popen(
            argv(*arguments),
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            text=True,
            **{**streams, **options},
        )
        children.append(child)
        return child

    yield program
    for child in children:
        child.kill()
        child.communicate(timeout=10)


def document(done: Done) -> dict[str, Any]:
    assert done.stdout.endswith("}\n")
    parsed: dict[str, Any] = json.loads(done.stdout)
    assert list(parsed) == MEMBERS
    return parsed


@pytest.mark.parametrize(
    ("status", "code"), [("ok", 0), ("warn", 0), ("unknown", 3), ("crit", 10), ("skipped", 3)]
)
def test_edge_verdict_becomes_one_document_and_its_code(
    run: Callable[..., Done], status: str, code: int
) -> None:
    done = run("fake", "check", status, "--format", "json")
    assert done.returncode == code
    assert done.stderr == ""
    found = document(done)
    assert found["command"] == "fake check"
    assert found["status"] == ("unknown" if status == "skipped" else status)
    assert found["results"][0]["status"] == status
    assert found["error"] is None


def test_edge_fail_on_warn_makes_a_warning_count(run: Callable[..., Done]) -> None:
    assert run("fake", "check", "warn", "--fail-on", "warn").returncode == 10


def test_edge_nothing_to_check_is_unknown(run: Callable[..., Done]) -> None:
    done = run("fake", "nothing", "--format", "json")
    assert (done.returncode, document(done)["status"]) == (3, "unknown")


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("UsageError", "usage", 2),
        ("UndeterminedError", "unknown", 3),
        ("ConfigError", "configuration", 4),
        ("DatabaseError", "database", 5),
        ("NotFoundError", "not-found", 5),
        ("StorageError", "storage", 5),
        ("RefusedError", "refused", 6),
    ],
)
def test_edge_error_becomes_one_document_and_its_code(
    run: Callable[..., Done], name: str, kind: str, code: int
) -> None:
    done = run("fake", "fail", name, "--format", "json")
    assert done.returncode == code
    found = document(done)
    assert found["status"] is None
    assert found["error"]["kind"] == kind
    assert found["error"]["hint"].startswith("try postgresql://postgres:***@")
    assert done.stderr.splitlines()[0].startswith("kulti-ops: cannot open postgresql://")
    assert len(done.stderr.splitlines()) == 2
    assert CANARY not in done.stdout + done.stderr


def test_edge_error_where_verdicts_were_expected_is_unknown(run: Callable[..., Done]) -> None:
    done = run("fake", "check-fails", "--format", "json")
    assert (done.returncode, document(done)["status"]) == (5, "unknown")


def test_edge_failure_beside_results_shows_both_and_is_the_code(run: Callable[..., Done]) -> None:
    done = run("fake", "fails-with-results", "--format", "json")
    shown = document(done)
    assert (done.returncode, shown["status"]) == (5, "crit")
    assert [r["id"] for r in shown["results"]] == ["one"]
    assert shown["error"] == {
        "kind": "operation",
        "message": "the tool broke half-way",
        "hint": "try again",
    }
    for name in ("table", "csv", "markdown", "junit", "github"):
        done = run("fake", "fails-with-results", "--format", name)
        assert (done.returncode, "it is crit" in done.stdout) == (5, True), name
        assert done.stderr.startswith("kulti-ops: the tool broke half-way\n  → try again"), name


def test_edge_bug_is_one_document_with_code_1(run: Callable[..., Done]) -> None:
    done = run("fake", "bug", "--format", "json")
    assert done.returncode == 1
    assert document(done)["error"]["kind"] == "bug"
    assert "Traceback" not in done.stderr
    assert "--debug" in done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_edge_debug_shows_the_traceback_without_secrets(run: Callable[..., Done]) -> None:
    done = run("fake", "bug", "--debug")
    assert "Traceback" in done.stderr
    assert "edge_program.py" in done.stderr
    assert CANARY not in done.stderr
    assert "plain-secret-word already" not in done.stderr


def test_edge_unusable_setting_is_4_and_names_it(run: Callable[..., Done]) -> None:
    done = run("fake", "settings", "--format", "json", KULTI_OPS_JOBS="many")
    assert (done.returncode, document(done)["error"]["kind"]) == (4, "configuration")
    assert "KULTI_OPS_JOBS" in done.stderr


@pytest.mark.parametrize("arguments", [("fake", "check", "--no-such"), ("no-such",)])
def test_edge_usage_error_is_2_in_plain_text(
    run: Callable[..., Done], arguments: tuple[str, ...]
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no-such" in done.stderr
    assert "Traceback" not in done.stderr


def test_edge_value_that_is_no_choice_is_told_without_the_parser_s_words(
    run: Callable[..., Done],
) -> None:
    done = run("fake", "check", "--format", "nonsense")
    assert done.returncode == 2
    assert "'nonsense' is not one of" in done.stderr
    assert "Value error" not in done.stderr


@pytest.mark.parametrize(
    ("number", "code", "kind"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 143, "terminated"),
    ],
)
def test_edge_signal_cleans_up_and_leaves_one_document(
    start: Callable[..., subprocess.Popen[str]], number: int, code: int, kind: str
) -> None:
    child = start("fake", "slow", "--format", "json")
    assert child.stderr is not None
    assert child.stderr.readline() == "ready\n"
    child.send_signal(number)
    out, err = child.communicate(timeout=10)
    assert child.returncode == code
    assert json.loads(out)["error"]["kind"] == kind
    assert err.splitlines() == ["cleaned up", f"kulti-ops: {kind}"]


def test_edge_signal_that_python_swallows_comes_again(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    child = start("fake", "deaf", "--format", "json")
    out, err = child.communicate(timeout=10)
    assert child.returncode == 143
    assert json.loads(out)["error"]["kind"] == "terminated"
    assert err.splitlines() == ["ready", "cleaned up", "kulti-ops: terminated"]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("check", "ok"), 0, "OK"),
        (("check", "ok", "--quiet"), 0, "OK"),
        (("check", "warn"), 1, "WARNING"),
        (("check", "crit"), 2, "CRITICAL"),
        (("check", "skipped"), 3, "UNKNOWN"),
        (("nothing",), 3, "UNKNOWN"),
        (("check-fails",), 3, "UNKNOWN"),
        (("fails-with-results",), 2, "CRITICAL"),
        (("check", "no-such-verdict"), 3, "UNKNOWN"),
        (("check", "--no-such-option"), 3, "UNKNOWN"),
        (("no-such-command",), 3, "UNKNOWN"),
        (("fail", "ConfigError"), 3, "UNKNOWN"),
    ],
)
def test_edge_nagios_gets_one_line_and_its_own_codes(
    run: Callable[..., Done], arguments: tuple[str, ...], code: int, word: str
) -> None:
    """A usage error would be critical to it, and a bug a warning."""
    done = run("fake", *arguments, "--format", "nagios")
    assert (done.returncode, len(done.stdout.splitlines())) == (code, 1)
    assert done.stdout.startswith(f"KULTI_OPS {word} - ")
    assert "kulti-ops:" not in done.stderr


def test_edge_nagios_that_cannot_be_told_is_unknown(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    with Path("/dev/full").open("w") as full:
        child = start("fake", "check", "ok", "--format", "nagios", stdout=full)
        child.communicate(timeout=10)
    assert child.returncode == 3


def test_edge_quiet_says_nothing_on_success_only(run: Callable[..., Done]) -> None:
    good = run("fake", "check", "ok", "--quiet")
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    bad = run("fake", "check", "warn", "--quiet")
    assert (bad.returncode, "it is warn" in bad.stdout) == (0, True)
    failed = run("fake", "fail", "StorageError", "--quiet", "--format", "json")
    assert document(failed)["error"]["kind"] == "storage"


@pytest.mark.parametrize("format_name", ["table", "json", "csv", "markdown"])
def test_edge_secrets_are_masked_in_every_format_and_in_files(
    run: Callable[..., Done], tmp_path: Path, format_name: str
) -> None:
    shown = run("fake", "leak", "--format", format_name, COLUMNS="30")
    file = tmp_path / "out"
    written = run("fake", "leak", "--format", format_name, "--output", str(file))
    assert (shown.returncode, written.returncode, written.stdout) == (0, 0, "")
    for text in (shown.stdout, shown.stderr, file.read_text(), written.stderr):
        flat = "".join(text.split())
        assert CANARY not in flat
        assert 'odd"\\secret' not in flat.replace('""', '"').replace("\\\\", "\\")
        assert 'odd\\"\\secret' not in flat.replace("\\\\", "\\")
        assert "***" in flat
    if format_name == "json":
        assert document(shown)["data"]["token"] is None


def test_edge_secret_that_was_asked_for_is_shown(run: Callable[..., Done]) -> None:
    assert CANARY in run("fake", "reveal").stdout
    assert CANARY in run("fake", "reveal", "--format", "json").stdout


def test_edge_output_file_is_private_and_replaced_in_one_step(
    run: Callable[..., Done], tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    file.chmod(0o666)
    old = file.stat().st_ino
    done = run("fake", "check", "--format", "json", "--output", str(file), "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads(file.read_text())["status"] == "ok"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_ino != old
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["report.json"]


@pytest.mark.parametrize("missing", ["no-such-folder/report.json", "a-file/report.json"])
def test_edge_output_that_cannot_be_written_is_one_line(
    run: Callable[..., Done], tmp_path: Path, missing: str
) -> None:
    (tmp_path / "a-file").touch()
    done = run("fake", "check", "--output", missing)
    assert (done.returncode, done.stdout) == (5, "")
    assert len(done.stderr.splitlines()) == 1
    assert missing in done.stderr
    worse = run("fake", "check", "crit", "--output", missing)
    assert worse.returncode == 10


def test_edge_full_stdout_is_one_line(start: Callable[..., subprocess.Popen[str]]) -> None:
    with Path("/dev/full").open("w") as full:
        child = start("fake", "check", stdout=full)
        _, err = child.communicate(timeout=20)
    assert child.returncode == 5
    assert len(err.splitlines()) == 1
    assert "no space left" in err.lower()


@pytest.mark.parametrize("arguments", [("fake", "long"), ("--help",), ("fake", "check", "--help")])
def test_edge_reader_that_is_gone_is_no_error(
    start: Callable[..., subprocess.Popen[str]], arguments: tuple[str, ...]
) -> None:
    read, write = os.pipe()
    os.close(read)
    child = start(*arguments, stdout=write)
    os.close(write)
    _, err = child.communicate(timeout=20)
    assert err == ""
    assert child.returncode in ((0,) if arguments[0] == "--help" else (0, 1))


def test_edge_head_takes_the_first_line_and_the_verdict_stands(
    environment: dict[str, str], tmp_path: Path
) -> None:
    script = 'set -o pipefail; "$0" -m tests.unit.edge_program fake long --format csv | head -1'
    done = subprocess.run(
        ["/bin/bash", "-c", script, sys.executable],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "n,text\n", "")


def on_terminal(environment: dict[str, str], *arguments: str, cwd: Path) -> tuple[str, int]:
    """Run the program with stdout and stderr on a terminal, and return what it showed."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        argv(*arguments),
        cwd=cwd,
        env={**environment, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # Linux says EIO when the last writer is gone
        pass
    finally:
        os.close(ours)
    return shown.decode(), child.wait(timeout=10)


def test_edge_terminal_gets_colour_and_progress(
    environment: dict[str, str], tmp_path: Path
) -> None:
    shown, code = on_terminal(environment, "fake", "check", "crit", cwd=tmp_path)
    assert code == 10
    assert "looking\r\n" in shown
    assert "\x1b[1;31mcrit" in shown


def test_edge_no_color_is_honoured_on_a_terminal(
    environment: dict[str, str], tmp_path: Path
) -> None:
    coloured = {**environment, "NO_COLOR": "1"}
    shown, _ = on_terminal(coloured, "fake", "check", "crit", cwd=tmp_path)
    assert "\x1b[1" not in shown
    assert "\x1b[3" not in shown
    assert "crit" in shown


def test_edge_quiet_silences_progress_on_a_terminal(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert on_terminal(environment, "fake", "check", "--quiet", cwd=tmp_path) == ("", 0)


def test_edge_no_terminal_gets_neither_colour_nor_progress(run: Callable[..., Done]) -> None:
    done = run("fake", "check", "crit")
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == ""


def test_edge_csv_is_a_table_that_csv_reads(run: Callable[..., Done]) -> None:
    rows = list(csv.DictReader(run("fake", "check", "--format", "csv").stdout.splitlines()))
    assert rows[0]["id"] == "one"
    assert rows[0]["status"] == "ok"


def test_edge_command_works_from_a_dotenv_alone(run: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KULTI_OPS_JOBS=9\n")
    assert document(run("fake", "settings", "--format", "json"))["data"]["jobs"] == 9


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_names_the_program(
    run: Callable[..., Done], shell: str, tmp_path: Path
) -> None:
    (tmp_path / shell).touch()
    done = run(_KULTI_OPS_COMPLETE=f"source_{shell}")
    assert "_KULTI_OPS_COMPLETE=complete_" in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("kulti-ops ", {"backup", "doctor", "verify", "restore", "sandbox", "demo"}),
        ("kulti-ops ba", {"backup"}),
        ("kulti-ops backup ", {"create", "list", "show"}),
        ("kulti-ops verify backup --for", {"--format"}),
        (
            "kulti-ops verify backup --format ",
            {"table", "json", "csv", "markdown", "junit", "github"},
        ),
        ("kulti-ops backup list --format ", {"table", "json", "csv", "markdown"}),
    ],
)
def test_completion_offers_commands_options_and_values(
    run: Callable[..., Done], words: str, expected: set[str]
) -> None:
    index = len(words.split()) - (0 if words.endswith(" ") else 1)
    done = run(_KULTI_OPS_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(index))
    offered = set(done.stdout.split())
    assert expected <= offered
    if not words.endswith(" "):
        assert offered == expected
    zsh = run(_KULTI_OPS_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=words)
    assert all(f'"{word}"' in zsh.stdout for word in expected)


@pytest.mark.parametrize(("verdict", "code"), [(ExitCode.OK, 130), (ExitCode.CRIT, 10)])
def test_edge_interrupted_while_it_writes_says_that_the_report_is_missing(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verdict: ExitCode,
    code: int,
) -> None:
    def deliver(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kulti_ops.output.deliver", deliver)
    now = datetime.now(UTC)
    run = edge.Invocation(command="fake", now=now, common=CommonOptions(), progress=SILENT)
    report = Report(command="fake", started_at=now, duration_s=0.0, outcome=Outcome(), checks=True)
    assert edge._deliver(run, report, verdict) == code
    assert capsys.readouterr().err == "kulti-ops: interrupted before the report was written\n"
