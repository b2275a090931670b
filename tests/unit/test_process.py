"""Children, for real: floods, exit codes, signals, time, and what dies with whom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kulti_ops.errors import OperationFailedError
from kulti_ops.process import STDERR_TAIL_LINES, Child, ToolFailedError, run_tool

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[2]
ENV = {"PATH": os.environ["PATH"]}
DEADLINE_S = 10.0


def python(script: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", script, *arguments]


def eventually(condition: Callable[[], bool]) -> bool:
    """Poll until `condition` holds, at most DEADLINE_S."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_child_that_floods_stderr_does_not_block_its_stdout() -> None:
    script = (
        "import sys\n"
        "for n in range(10000): sys.stderr.write('e' * 99 + '\\n')\n"
        "sys.stdout.write('o' * 1000000)\n"
        "sys.stderr.write('the last word\\n')\n"
    )
    with Child(python(script), env=ENV) as child:
        output = child.stdout.read()
        child.finish(timeout_s=DEADLINE_S)
    assert len(output) == 1_000_000
    assert len(child.stderr_tail) == STDERR_TAIL_LINES
    assert child.stderr_tail[-1] == "the last word"


def test_child_endless_line_on_stderr_is_bounded() -> None:
    script = "import sys; sys.stderr.write('e' * 5000000)"
    with Child(python(script), env=ENV) as child:
        child.finish(timeout_s=DEADLINE_S)
    assert sum(map(len, child.stderr_tail)) <= STDERR_TAIL_LINES * 2000


def test_child_stderr_listener_takes_lines_away() -> None:
    seen: list[str] = []

    def listen(line: str) -> bool:
        seen.append(line)
        return line.startswith("progress")

    script = "import sys; print('progress 1\\nreal \\udcff', file=sys.stderr)"
    with Child(python(script), env={**ENV, "PYTHONUTF8": "1"}, on_stderr=listen) as child:
        child.wait(timeout_s=DEADLINE_S)
    assert seen[0] == "progress 1"
    assert all(not line.startswith("progress") for line in child.stderr_tail)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit('tool: error: no such table')", "exit code 1): no such table"),
        ("import sys; sys.exit(7)", "exit code 7)"),
        ("import os; os.kill(os.getpid(), 9)", "ended by signal 9)"),
        (
            "import sys; sys.exit('tool: error: first cause\\nDETAIL: row\\nmore')",
            "exit code 1): first cause",
        ),
        ("import sys; sys.exit('something odd\\n\\n')", "exit code 1): something odd"),
    ],
)
def test_child_failure_names_the_cause(script: str, message: str) -> None:
    with Child(python(script), env=ENV) as child, pytest.raises(ToolFailedError) as caught:
        child.finish(timeout_s=DEADLINE_S)
    assert message in caught.value.message
    assert caught.value.message.startswith(f"{Path(sys.executable).name} failed (")


def test_child_that_cannot_be_started_is_named() -> None:
    with pytest.raises(OperationFailedError, match="cannot start no-such-tool") as caught:
        Child(["/nowhere/no-such-tool"], env=ENV)
    assert "doctor" in caught.value.hint


def test_child_gets_its_environment_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "x")
    script = "import os; print(sorted(os.environ))"
    done = run_tool(python(script), env={"ONLY": "1"}, timeout_s=DEADLINE_S)
    names = set(eval(done.stdout.decode()))  # noqa: S307 - our own list
    assert "ONLY" in names
    assert "LEAKED" not in names


def test_child_that_takes_too_long_is_ended() -> None:
    with (
        Child(python("import time; time.sleep(60)"), env=ENV) as child,
        pytest.raises(OperationFailedError, match="did not end within"),
    ):
        child.wait(timeout_s=0.2)
    assert not is_alive(child.pid)


def test_child_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kulti_ops.process.END_TIMEOUT_S", 0.3)
    script = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    with Child(python(script), env=ENV) as child:
        assert child.stdout.readline() == b"ready\n"
    assert not is_alive(child.pid)


def test_child_leaving_the_context_ends_its_own_children_too() -> None:
    script = (
        "import subprocess, sys, time\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(other.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with Child(python(script), env=ENV) as child:
        grandchild = int(child.stdout.readline())
        assert is_alive(grandchild)
    assert not is_alive(child.pid)
    assert eventually(lambda: not is_alive(grandchild))


PARENT = """
import sys
from kulti_ops.process import Child
child = Child([sys.executable, "-c", "import time; time.sleep(60)"], env={})
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_child_dies_with_a_parent_that_is_killed() -> None:
    with subprocess.Popen(
        python(PARENT), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait(DEADLINE_S)
        try:
            assert eventually(lambda: not is_alive(pid))
        finally:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)


def test_run_tool_returns_what_was_printed_and_takes_input() -> None:
    script = "import sys; print(sys.stdin.read().upper()); print('note', file=sys.stderr)"
    done = run_tool(python(script), env=ENV, timeout_s=DEADLINE_S, stdin=b"abc" * 100_000)
    assert (done.returncode, len(done.stdout)) == (0, 300_001)
    assert done.stderr_tail == ("note",)


def test_run_tool_that_does_not_read_its_input_is_no_error() -> None:
    done = run_tool(python("pass"), env=ENV, timeout_s=DEADLINE_S, stdin=b"x" * 1_000_000)
    assert done.returncode == 0


def test_run_tool_unchecked_returns_the_code() -> None:
    done = run_tool(python("import sys; sys.exit(3)"), env=ENV, timeout_s=DEADLINE_S, check=False)
    assert done.returncode == 3
    with pytest.raises(ToolFailedError):
        run_tool(python("import sys; sys.exit(3)"), env=ENV, timeout_s=DEADLINE_S)


INTERRUPTED = """
import os, signal, sys
from kulti_ops.process import Child
from kulti_ops.signals import TerminatedError, signals_unwind
os.register_at_fork(%(when)s=lambda: os.kill(os.getpid(), signal.SIGTERM))
argv = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"]
with signals_unwind():
    try:
        Child(argv, env={}, stdout=sys.stdout)
    except TerminatedError:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("when", ["before", "after_in_parent"])
def test_child_whose_start_is_interrupted_is_ended_and_the_signal_is_not_lost(when: str) -> None:
    with subprocess.Popen(
        python(INTERRUPTED % {"when": when}), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as program:
        said, _ = program.communicate(timeout=DEADLINE_S)
    *started, last = said.split()
    assert last == "interrupted"
    assert all(eventually(lambda pid=pid: not is_alive(int(pid))) for pid in started)


LEAVES_ANOTHER = """
import subprocess, sys
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(other.pid, flush=True)
"""


def test_run_tool_does_not_wait_for_what_its_tool_left_behind() -> None:
    started = time.monotonic()
    with pytest.raises(OperationFailedError, match="took longer than"):
        run_tool(python(LEAVES_ANOTHER), env=ENV, timeout_s=0.5)
    assert time.monotonic() - started < DEADLINE_S


def test_child_that_ended_leaves_nobody_behind() -> None:
    with Child(python(LEAVES_ANOTHER), env=ENV) as child:
        left = int(child.stdout.readline())
        assert eventually(lambda: child.poll() is not None)
    assert eventually(lambda: not is_alive(left))


def test_run_tool_that_takes_too_long_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(OperationFailedError, match="took longer than"):
        run_tool(python("import time; time.sleep(60)"), env=ENV, timeout_s=0.3)
    assert time.monotonic() - started < DEADLINE_S
