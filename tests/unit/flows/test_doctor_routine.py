"""The doctor's questions about scheduled runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kulti_ops.config import Settings, load_settings
from kulti_ops.flows.doctor import routine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(tmp_path)

    def make(**values: str) -> Settings:
        file = tmp_path / "settings"
        file.write_text("".join(f'KULTI_OPS_{k}="{v}"\n' for k, v in values.items()))
        return load_settings(env_file=file)

    return make


@pytest.mark.parametrize(
    ("values", "status", "says"),
    [
        ({}, "skipped", "nothing runs by itself"),
        ({"SCHEDULE_DAILY": "03:30"}, "ok", "daily: every day at 03:30 UTC"),
        ({"SCHEDULE_DAILY": "03:99"}, "crit", "no daily time: '03:99'"),
        ({"SCHEDULE_DAILY": "03:30", "SCHEDULE_ZONE": "Nowhere"}, "crit", "no time zone"),
        ({"SCHEDULE_DAILY": "03:30", "STORAGE": "backups"}, "crit", "KULTI_OPS_STORAGE"),
        ({"SCHEDULE_DAILY": "03:30", "STATE_DIR": "state"}, "crit", "KULTI_OPS_STATE_DIR"),
        ({"SCHEDULE_DAILY": "03:30", "SSLROOTCERT": "ca.crt"}, "crit", "KULTI_OPS_SSLROOTCERT"),
        ({"SCHEDULE_DAILY": "03:30", "SSLROOTCERT": "system"}, "ok", "daily"),
        ({"SCHEDULE_DAILY": "03:30", "STORAGE": "s3://bucket/x"}, "ok", "daily"),
        ({"STORAGE": "backups"}, "skipped", "nothing runs"),
    ],
)
def test_doctor_judges_schedules(
    settings_of: object, values: dict[str, str], status: str, says: str
) -> None:
    answer = routine.schedule(settings_of(**values))  # type: ignore[operator]
    assert (answer.status, says in answer.summary) == (status, True), answer


@pytest.mark.parametrize(
    ("values", "status", "says"),
    [
        ({}, "skipped", "no receiver"),
        ({"PING_URL": "https://h.example/canary"}, "ok", "ping: usable"),
        ({"PING_URL": "http://127.0.0.1:1/canary"}, "ok", "ping: usable"),
        ({"PING_URL": "http://h.example/canary"}, "warn", "is http"),
        ({"PING_URL": "canary"}, "warn", "no URL"),
        ({"PING_URL": "https://[canary"}, "warn", "no URL"),
        ({"SENTRY_MONITOR": "kulti"}, "warn", "KULTI_OPS_SENTRY_DSN"),
        ({"TEXTFILE_DIR": "/nowhere/canary"}, "warn", "cannot be written"),
    ],
)
def test_doctor_judges_receivers_without_their_secrets(
    settings_of: object, values: dict[str, str], status: str, says: str
) -> None:
    answer = routine.notifications(settings_of(**values))  # type: ignore[operator]
    assert (answer.status, says in answer.summary) == (status, True), answer
    if "TEXTFILE_DIR" not in values:
        assert "canary" not in f"{answer.summary} {answer.next} {answer.rows}"
