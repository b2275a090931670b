"""Scheduled runs as cron starts them, and whom they tell: real databases, real receivers."""

from __future__ import annotations

import gzip
import os
import re
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from socket import create_server
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml

from kulti_ops.lock import held
from tests.functional.faults.stage import sessions, until
from tests.functional.support import ROOT
from tests.functional.web import Seen, Site, answer, serve
from tests.sentry import items_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.functional.conftest import Database
    from tests.functional.faults.stage import Stage

CLOSED_PORT = "postgresql://postgres:canary-password@127.0.0.1:1/postgres"


@dataclass(frozen=True)
class Receiver:
    """One server that takes pings and Sentry's envelopes."""

    site: Site

    @property
    def settings(self) -> dict[str, str]:
        return {
            "KULTI_OPS_PING_URL": f"{self.site.url}/ping/canary-key/kulti-{{schedule}}",
            "KULTI_OPS_SENTRY_DSN": f"{self.site.url}/42".replace("://", "://canary-dsn@"),
            "KULTI_OPS_SENTRY_MONITOR": "kulti-backup",
        }

    def pings(self) -> list[Seen]:
        return [seen for seen in self.site.seen if seen.target.startswith("/ping/")]

    def items(self) -> list[tuple[str, dict[str, Any]]]:
        posts = [seen for seen in self.site.seen if seen.target == "/api/42/envelope/"]
        for seen in posts:
            assert "sentry_key=canary-dsn" in seen.headers["x-sentry-auth"]
        return [item for seen in posts for item in items_of(plain(seen))]

    def texts(self) -> list[str]:
        """Return all that arrived, unpacked."""
        return [
            f"{seen.target} {seen.headers} {plain(seen).decode('utf-8', 'replace')}"
            for seen in self.site.seen
        ]

    def check_ins(self) -> list[dict[str, Any]]:
        return [item for kind, item in self.items() if kind == "check_in"]


def plain(seen: Seen) -> bytes:
    packed = seen.headers.get("content-encoding") == "gzip"
    return gzip.decompress(seen.body) if packed else seen.body


@contextmanager
def receiver(reply: Callable[[Seen], bytes] = lambda _: answer(body=b"{}")) -> Iterator[Receiver]:
    with serve(reply) as site:
        yield Receiver(site)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The installed program, in a folder whose name would trip cron and a shell."""
    folder = tmp_path / "50% of it"
    folder.mkdir()
    path = folder / "kulti-ops"
    path.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from kulti_ops.cli import main\nmain()\n"
    )
    path.chmod(0o755)
    return path


def cron_runs(crontab: str) -> tuple[dict[str, str], list[str]]:
    """Return what cron makes of its file: the variables, and the commands it hands to a shell."""
    variables, commands = {}, []
    for line in crontab.splitlines():
        if assigned := re.fullmatch(r"([A-Z_]+)=(.*)", line):
            variables[assigned[1]] = assigned[2]
        elif line and not line.startswith("#"):
            command = line.split(None, 6)[6]
            assert not re.search(r"(?<!\\)%", command), "cron would cut the line here"
            commands.append(command.replace("\\%", "%"))
    return variables, commands


@pytest.mark.parametrize("place", ["a folder", "S3"])
def test_run_from_crons_empty_environment_is_silent_proven_and_told(
    stage: Stage, program: Path, place: str, request: pytest.FixtureRequest
) -> None:
    bucket = request.getfixturevalue("swift").environment() if place == "S3" else {}
    stage.environment.update(bucket)
    textfiles = stage.root / "textfiles"
    textfiles.mkdir()
    with receiver() as told:
        settings = {
            **told.settings,
            "DATABASE_URL": stage.url,
            "KULTI_OPS_STORAGE": str(stage.storage),
            **bucket,
            "KULTI_OPS_STATE_DIR": str(stage.root / "state"),
            "KULTI_OPS_CACHE_DIR": stage.environment["KULTI_OPS_CACHE_DIR"],
            "KULTI_OPS_TEXTFILE_DIR": str(textfiles),
            "KULTI_OPS_SCHEDULE_WEEKLY": "sun 02:00",
        }
        env_file = stage.root / "kulti ops.env"
        env_file.write_text("".join(f'{key}="{value}"\n' for key, value in settings.items()))
        env_file.chmod(0o600)
        places = ("--program", str(program), "--settings-file", str(env_file))
        rendered = stage.run(
            *("backup", "schedule", "render", "cron", "--weekly", "sun 02:00", *places)
        )
        assert rendered.code == 0, rendered.err
        variables, (command,) = cron_runs(rendered.out)
        done = subprocess.run(
            ["/usr/bin/env", "-i", f"PATH={variables['PATH']}", variables["SHELL"], "-c", command],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [seen.target for seen in told.pings()] == [
        "/ping/canary-key/kulti-weekly/start",
        "/ping/canary-key/kulti-weekly",
    ]
    begun, ended = told.check_ins()
    assert (begun["status"], ended["status"]) == ("in_progress", "ok")
    assert begun["check_in_id"] == ended["check_in_id"]
    assert ended["monitor_slug"] == "kulti-backup-weekly"
    assert ended["duration"] > 0
    assert begun["monitor_config"]["schedule"] == {"type": "crontab", "value": "0 2 * * 0"}
    assert begun["monitor_config"]["timezone"] == "UTC"
    metrics = textfiles / "kulti_ops_backup_weekly.prom"
    assert stat.S_IMODE(metrics.stat().st_mode) == 0o644
    assert [path.name for path in textfiles.iterdir()] == [metrics.name]
    figures = dict(
        re.findall(r'^(\w+)\{schedule="weekly"\} (\S+)$', metrics.read_text(), re.MULTILINE)
    )
    assert figures["kulti_ops_backup_last_run_exit_status"] == "0.000"
    assert float(figures["kulti_ops_backup_last_proven_timestamp_seconds"]) > 1e9
    assert float(figures["kulti_ops_backup_last_size_bytes"]) > 1e6
    listed = stage.json("backup", "list").document["data"]["backups"]
    assert [(row["label"], row["state"]) for row in listed] == [("weekly", "verified")]
    standing = stage.json(
        "backup", "schedule", "status", KULTI_OPS_SCHEDULE_WEEKLY="sun 02:00"
    ).document
    assert standing["results"][0]["status"] == "ok", standing
    assert standing["data"]["schedules"][0]["last_backup_id"] == listed[0]["backup_id"]


KEEP_ONE = {f"KULTI_OPS_KEEP_{name}": "0" for name in ("DAILY", "WEEKLY", "MONTHLY")} | {
    "KULTI_OPS_KEEP_LAST": "1",
    "KULTI_OPS_KEEP_FLOOR": "1",
    "KULTI_OPS_SCHEDULE_PRUNE": "true",
}


def test_run_of_the_drill_drills_prunes_and_answers_with_one_document(stage: Stage) -> None:
    first = stage.create()
    assert stage.json("verify", "backup", first).code == 0
    done = stage.json("backup", "schedule", "run", "drill", **KEEP_ONE)
    assert done.code == 0, (done.out, done.err)
    assert done.verdicts == {
        "create": "ok",
        "verify": "ok",
        "drill": "ok",
        "prune": "ok",
        "notify": "skipped",
    }
    steps = {step["step"]: step for step in done.document["data"]["steps"]}
    assert "restored-inventory" in {r["id"] for r in steps["drill"]["results"]}
    listed = {r["backup_id"]: r for r in stage.json("backup", "list").document["data"]["backups"]}
    new = done.document["data"]["backup_id"]
    assert {backup_id: row["state"] for backup_id, row in listed.items()} == {new: "drilled"}
    assert f'"{first}"' in (stage.root / "state" / "audit.jsonl").read_text()


def test_run_whose_backup_fails_prunes_nothing_and_tells_why(stage: Stage) -> None:
    textfiles = stage.root / "textfiles"
    textfiles.mkdir()
    kept = [stage.create(), stage.create()]
    assert [stage.json("verify", "backup", backup_id).code for backup_id in kept] == [0, 0]
    with receiver() as told:
        done = stage.json(
            *("backup", "schedule", "run", "daily"),
            **told.settings,
            DATABASE_URL=CLOSED_PORT,
            **KEEP_ONE,
            KULTI_OPS_TEXTFILE_DIR=str(textfiles),
        )
    assert done.code == 10
    results = {r["id"]: r for r in done.document["results"]}
    assert results["create"]["status"] == "crit"
    assert "127.0.0.1" in results["create"]["summary"]
    for step in ("verify", "drill", "prune"):
        assert results[step]["status"] == "skipped"
        assert "no backup was made" in results[step]["summary"]
    assert sorted(kept) == [folder.name for folder in stage.folders]
    start, fail = told.pings()
    assert (start.target[-5:], fail.target[-5:]) == ("start", "/fail")
    assert "create: crit" in fail.body.decode()
    assert [item["status"] for item in told.check_ins()] == ["in_progress", "error"]
    metrics = (textfiles / "kulti_ops_backup_daily.prom").read_text()
    assert 'last_run_exit_status{schedule="daily"} 10.000' in metrics
    assert 'last_success_timestamp_seconds{schedule="daily"} 0.000' in metrics
    sent = b"".join(seen.body for seen in told.site.seen).decode("utf-8", "replace")
    shown = done.out + done.err + sent + metrics
    assert "canary" not in shown
    status = stage.json("backup", "schedule", "status", KULTI_OPS_SCHEDULE_DAILY="03:30")
    assert status.code == 10
    assert "create: " in status.document["results"][0]["summary"]


def test_run_without_a_storage_makes_no_backup_on_this_machine(stage: Stage) -> None:
    done = stage.json(
        *("backup", "schedule", "run", "daily"),
        KULTI_OPS_STORAGE="",  # a secret that is missing in CI
        XDG_DATA_HOME=str(stage.root / "data"),
    )
    created = next(r for r in done.document["results"] if r["id"] == "create")
    assert (done.code, created["status"]) == (10, "crit")
    assert "KULTI_OPS_STORAGE" in created["next"]
    assert not (stage.root / "data").exists()


@pytest.mark.parametrize("dead", ["refusing", "hanging", "answering 500", "no DSN"])
def test_run_with_a_dead_receiver_is_a_warning_and_no_failure(stage: Stage, dead: str) -> None:
    settings = {"KULTI_OPS_NOTIFY_TIMEOUT_S": "1"}
    with hanging() as url, receiver(lambda _: answer("500 No")) as failing:
        if dead == "answering 500":
            settings |= failing.settings
        elif dead == "no DSN":
            settings["KULTI_OPS_SENTRY_MONITOR"] = "kulti"
        else:
            base = "http://127.0.0.1:1" if dead == "refusing" else url
            settings["KULTI_OPS_PING_URL"] = f"{base}/canary-key"
            settings["KULTI_OPS_SENTRY_MONITOR"] = "kulti"
            settings["KULTI_OPS_SENTRY_DSN"] = f"{base}/42".replace("://", "://canary-dsn@")
        settings["KULTI_OPS_TEXTFILE_DIR"] = str(stage.root / "nowhere")
        done = stage.json("backup", "schedule", "run", "daily", **settings)
    assert done.code == 0
    verdicts = done.verdicts
    assert (verdicts["create"], verdicts["verify"]) == ("ok", "ok")
    notified = {key: value for key, value in verdicts.items() if key.startswith("notify-")}
    assert notified.pop("notify-textfile") == "warn"
    assert set(notified.values()) == {"warn"}
    assert "canary" not in done.out + done.err


@contextmanager
def hanging() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with create_server(("127.0.0.1", 0), backlog=20) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_second_run_is_refused_told_and_leaves_the_first_alone(stage: Stage) -> None:
    with (
        held(stage.root / "state" / "schedule" / "run.lock", name="schedule-run"),
        receiver() as told,
    ):
        done = stage.json("backup", "schedule", "run", "daily", **told.settings)
    assert done.code == 6, done.err
    assert done.document["error"]["kind"] == "refused"
    assert str(os.getpid()) in done.document["error"]["message"]
    assert [seen.target.rpartition("/")[2] for seen in told.pings()] == ["fail"]
    assert [item["status"] for item in told.check_ins()] == ["error"]
    assert stage.folders == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_run_is_seen_and_blocks_nobody(
    stage: Stage, small_copy: Callable[[], Database], number: signal.Signals
) -> None:
    own = small_copy()
    scheduled = {"KULTI_OPS_SCHEDULE_DAILY": "03:30"}
    run = ("backup", "schedule", "run", "daily")
    with psycopg.connect(own.url) as blocker, receiver() as told:
        blocker.execute("LOCK TABLE public.rooms IN ACCESS EXCLUSIVE MODE")
        with stage.begun(*run, DATABASE_URL=own.url, **told.settings) as child:
            until(lambda: len(told.pings()) == 1 and sessions(own.admin_url, own.name))
            child.send_signal(number)
            until(lambda: child.poll() is not None)
            code = child.code
    words = [seen.target.rpartition("/")[2] for seen in told.pings()]
    found = stage.json("backup", "schedule", "status", **scheduled)
    assert found.code == 10
    summary = found.document["results"][0]["summary"]
    if number is signal.SIGTERM:
        assert (code, words) == (143, ["start", "fail"])
        assert [item["status"] for item in told.check_ins()] == ["in_progress", "error"]
        assert "failed: TerminatedError" in summary
    else:
        assert words == ["start"]
        assert "broke off" in summary
    again = stage.json(*run, DATABASE_URL=own.url)
    assert again.code == 0, again.out
    assert stage.json("backup", "schedule", "status", **scheduled).code == 0


def test_workflow_for_github_runs_its_steps(stage: Stage, program: Path) -> None:
    rendered = stage.run(*("backup", "schedule", "render", "github", "--daily", "03:30"))
    job = yaml.safe_load(rendered.out)["jobs"]["backup"]
    steps = [step["run"] for step in job["steps"] if "run" in step]
    makes = [step.split()[1] for step in steps if step.startswith("make ")]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert makes
    assert all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in makes)
    workspace = stage.root / "workspace"
    (workspace / ".venv" / "bin").mkdir(parents=True)
    (workspace / ".venv" / "bin" / "kulti-ops").symlink_to(program)
    summary = workspace / "summary.md"
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", "\n".join(s for s in steps if not s.startswith("make "))],
        env=stage.settings(
            SCHEDULE="daily", SUPABASE_CA="a certificate", GITHUB_STEP_SUMMARY=str(summary)
        ),
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (workspace / "supabase-ca.crt").read_text() == "a certificate"
    assert "create" in summary.read_text()
    assert len(stage.folders) == 1
