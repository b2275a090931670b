"""What is rendered: read back as cron, systemd and GitHub read it."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from kulti_ops.backup.schedule.crontab import render_crontab
from kulti_ops.backup.schedule.github import render_github
from kulti_ops.backup.schedule.install import Setup
from kulti_ops.backup.schedule.spec import Name, Schedule, plan_schedules
from kulti_ops.backup.schedule.systemd import render_systemd
from kulti_ops.errors import UsageError

ANALYZE = Path("/usr/bin/systemd-analyze")
TEXTS = {
    Name.HOURLY: ":15",
    Name.DAILY: "03:30",
    Name.WEEKLY: "sun 02:00",
    Name.MONTHLY: "1",
    Name.DRILL: "quarterly",
}
ODD = '/opt/50% of $HOME\'s "tools"/kulti-ops'


def setup(program: str = "/usr/bin/true", **changes: object) -> Setup:
    made = Setup(
        program=(program,),
        env_file="/etc/kulti-ops/kulti-ops.env",
        user="kulti-ops",
        state_dir=Path("/var/lib/kulti-ops"),
        cache_dir=Path("/var/cache/kulti-ops"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def schedules(zone: str = "UTC") -> tuple[Schedule, ...]:
    return plan_schedules(TEXTS, zone=zone)


def cron_commands(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line and line[0] in "0123456789"]
    commands = [line.split(None, 6)[6] for line in lines]
    assert all(not re.search(r"(?<!\\)%", command) for command in commands)
    return [command.replace("\\%", "%") for command in commands]


@pytest.mark.parametrize("program", ["/opt/kulti-ops/bin/kulti-ops", ODD])
def test_render_crontab_shell_gets_the_exact_argv(program: str) -> None:
    (file,) = render_crontab(schedules(), setup(program))
    expected = [list(setup(program).command(name)) for name in TEXTS]
    assert [shlex.split(command) for command in cron_commands(file.text)] == expected
    assert "KULTI_OPS_SCHEDULE_WEEKLY=" in file.text
    assert not re.search(r"^[A-Z_]*(?:PASSWORD|URL|DSN|KEY)", file.text, re.MULTILINE)


def test_render_crontab_mails_whom_it_is_told() -> None:
    (silent,) = render_crontab(schedules(), setup())
    (mailing,) = render_crontab(schedules(), setup(mailto="ops@kulti.example"))
    assert "\n#MAILTO=" in silent.text
    assert "\nMAILTO=ops@kulti.example\n" in mailing.text


@pytest.mark.parametrize("change", [{"program": ("kulti-ops",)}, {"env_file": "kulti.env"}])
def test_render_relative_path_is_refused(change: dict[str, object]) -> None:
    for render in (render_crontab, render_systemd):
        with pytest.raises(UsageError, match="not an absolute path"):
            render(schedules(), replace(setup(), **change))


def write_units(folder: Path, made: Setup) -> list[Path]:
    paths = []
    for file in render_systemd(schedules(), made):
        paths.append(folder / Path(file.path).name)
        paths[-1].write_text(file.text)
    return paths


def unit_value(text: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def test_render_systemd_units_are_hardened_and_name_each_other(tmp_path: Path) -> None:
    service, *timers = write_units(tmp_path, setup(folders=(Path("/srv/kulti backups"),)))
    text = service.read_text()
    for key, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "StateDirectory": "kulti-ops",
        "CacheDirectory": "kulti-ops",
        "UMask": "0077",
        "User": "kulti-ops",
        "ReadWritePaths": '"/srv/kulti backups"',
    }.items():
        assert unit_value(text, key) == [value]
    assert len(timers) == len(TEXTS)
    for name, timer in zip(TEXTS, timers, strict=True):
        found = timer.read_text()
        assert unit_value(found, "Unit") == [f"kulti-ops-backup@{name}.service"]
        assert unit_value(found, "Persistent") == ["true"]
        assert unit_value(found, "RandomizedDelaySec") == ["5min"]


def test_render_systemd_folder_in_a_home_is_not_hidden() -> None:
    service, *_ = render_systemd(schedules(), setup("/home/ops/venv/bin/kulti-ops"))
    assert unit_value(service.text, "ProtectHome") == ["read-only"]
    elsewhere, *_ = render_systemd(schedules(), setup(state_dir=Path("/data/state")))
    assert unit_value(elsewhere.text, "StateDirectory") == []
    assert unit_value(elsewhere.text, "ReadWritePaths") == ["/data/state"]


def test_render_systemd_program_that_it_cannot_start_is_refused() -> None:
    with pytest.raises(UsageError, match="quotes"):
        render_systemd(schedules(), setup(ODD))


@pytest.mark.skipif(not ANALYZE.exists(), reason="no systemd-analyze on this machine")
def test_render_systemd_units_pass_systemds_own_verification(tmp_path: Path) -> None:
    program = tmp_path / "50% of $HOME"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    paths = write_units(tmp_path, setup(str(program)))
    done = subprocess.run(
        [ANALYZE, "verify", "--man=no", *paths],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "kulti-ops" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_render_github_workflow_says_what_github_wants() -> None:
    (file,) = render_github(schedules(), max_runtime_minutes=480)
    found = yaml.safe_load(file.text)
    assert [entry["cron"] for entry in found[True]["schedule"]] == [s.crontab for s in schedules()]
    assert found["permissions"] == {}
    assert found["concurrency"] == {"group": "kulti-backup", "cancel-in-progress": False}
    job = found["jobs"]["backup"]
    assert job["permissions"] == {"contents": "read"}
    assert job["timeout-minutes"] < 360
    for schedule in schedules():
        assert (
            f"github.event.schedule == '{schedule.crontab}' && '{schedule.name}'"
            in (job["env"]["SCHEDULE"])
        )
    assert "\n" not in job["env"]["SCHEDULE"]
    secrets = {k: v for k, v in job["env"].items() if "secrets." in v}
    assert all(value == f"${{{{ secrets.{key} }}}}" for key, value in secrets.items())
    assert {"SUPABASE_DB_PASSWORD", "KULTI_OPS_POOLER_HOST"} <= secrets.keys()
    assert job["env"]["KULTI_OPS_SCHEDULE_WEEKLY"] == "sun 02:00"


def test_render_github_times_of_another_zone_are_refused() -> None:
    with pytest.raises(UsageError, match="UTC"):
        render_github(schedules("Europe/Berlin"), max_runtime_minutes=60)
