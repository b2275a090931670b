"""What a health endpoint's answer comes to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kulti_ops.message import Response
from kulti_ops.report import Verdict
from kulti_ops.smoke.probes.api import judge_health


def judge(body: Any, *, status: int = 200) -> tuple[Verdict, str]:
    found = judge_health(
        Response(
            url="https://kulti.example/api/health",
            status=status,
            headers=(("Content-Type", "application/json"),),
            body=json.dumps(body).encode(),
        )
    )
    return found.status, found.summary


@pytest.mark.parametrize(
    ("body", "verdict", "word"),
    [
        ({"status": "ok", "version": "1a2b3c4"}, Verdict.OK, "1a2b3c4"),
        (
            {"status": "Healthy", "services": {"db": "up", "hms": {"status": "pass"}}},
            Verdict.OK,
            "",
        ),
        ({"status": "ok", "services": {"db": True}}, Verdict.OK, ""),
        ({"status": "degraded"}, Verdict.WARN, "degraded"),
        ({"status": "ok", "services": {"hms": "degraded"}}, Verdict.WARN, "hms"),
        ({"status": "ok", "services": {"db": "down", "hms": "warn"}}, Verdict.CRIT, "db, hms"),
        ({"status": "ok", "services": {"db": False}}, Verdict.CRIT, "db"),
        ({"status": "ok", "services": {"db": ["up"]}}, Verdict.CRIT, "db"),
        ({"status": "down"}, Verdict.CRIT, "down"),
        ({"status": ["ok"]}, Verdict.UNKNOWN, "without a JSON status"),
        ({"ok": True}, Verdict.UNKNOWN, "without a JSON status"),
        ([], Verdict.UNKNOWN, "without a JSON status"),
    ],
)
def test_health_by_what_it_reports(body: Any, verdict: Verdict, word: str) -> None:
    status, summary = judge(body)
    assert (status, word in summary) == (verdict, True)


def test_health_that_fails_is_critical_whatever_it_says() -> None:
    assert judge({"status": "ok"}, status=503)[0] is Verdict.CRIT
    assert judge("no", status=500)[0] is Verdict.CRIT
    assert judge({"error": "Unauthorized"}, status=401)[0] is Verdict.UNKNOWN
