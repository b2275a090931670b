"""Why there is no connection, as a finding; and what a connection says about its server.

Looks at names and TCP only when a connection has failed; sends nothing to the server.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.db import Target
    from kulti_ops.errors import DatabaseError
    from kulti_ops.runbook.probe import Server

ID = "connection"
TCP_TIMEOUT_S = 2.0
# From when a connection counts as slow: four round trips at 80 ms are 0.3 s.
SLOW_S = 2.0
_NETWORK_CAUSES = frozenset({"dns", "no-route", "refused", "timeout", "closed", ""})
# What only a machine can say that was reached.
_ANSWERED = (": open in", "refused")
_DEFAULT_NEXT = "kulti-ops doctor"
_STANDBY_NEXT = (
    """psql "$DATABASE_URL" -c 'SELECT status, sender_host, latest_end_time, """
    """pg_last_xact_replay_timestamp() FROM pg_stat_wal_receiver'"""
)
_NEXT = {
    # gets in as soon as a slot is free
    "connections-full": "kulti-ops runbook triage --watch 5",
    "starting": "kulti-ops runbook triage",
    "recovery": "kulti-ops runbook triage",
    "stopping": "kulti-ops runbook triage",
}


def diagnose_failure(target: Target, error: DatabaseError, *, duration_s: float) -> CheckResult:
    """Return the crit finding for a connection that did not come about."""
    cause, summary, evidence = error.cause, error.message, {}
    hint = error.hint
    if cause in _NETWORK_CAUSES and not target.host.startswith("/"):
        evidence = _look_at_network(target.host, target.port)
        cause, hint = _refine(cause, hint, target, evidence)
    if hint:
        summary += f"; {hint}"
    return CheckResult(
        id=ID,
        status=Verdict.CRIT,
        summary=summary,
        evidence={"findings": 1, "cause": cause or "unknown", "target": target.label, **evidence},
        next=_NEXT.get(cause, _DEFAULT_NEXT),
        duration_s=duration_s,
    )


def describe_connection(target: Target, server: Server, *, duration_s: float) -> CheckResult:
    """Return what an open connection says: slow, read-only, in recovery, or well."""
    evidence: dict[str, Any] = {
        "findings": 0,
        "target": target.label,
        "role": server.role,
        "server_version": f"{server.version // 10000}.{server.version % 10000}",
        "connected_in_s": round(duration_s, 3),
    }
    status, summary, next_step = Verdict.OK, f"connected to {target.label}", None
    if server.in_recovery:
        status, next_step = Verdict.CRIT, _STANDBY_NEXT
        summary = f"{target.label} is in recovery: it is a standby, or was not promoted"
    elif server.read_only:
        status, next_step = Verdict.CRIT, "kulti-ops runbook check settings database-size"
        summary = f"{target.label} is read-only: the platform does this when the disk is full"
    elif server.role_read_only:
        summary += f"; role {server.role} reads only, by a setting of its own"
    elif duration_s > SLOW_S:
        status, next_step = Verdict.WARN, "kulti-ops runbook check connections"
        summary = f"connecting to {target.label} took {duration_s:.1f} s"
    evidence["findings"] = int(status is not Verdict.OK)
    return CheckResult(
        id=ID,
        status=status,
        summary=summary,
        evidence=evidence,
        next=next_step,
        duration_s=duration_s,
    )


def _look_at_network(host: str, port: int) -> dict[str, Any]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return {"dns": f"failed: {error.strerror or error}"}
    addresses = sorted({(family, str(address[0])) for family, _, _, _, address in found})
    return {
        "ipv4": sum(family == socket.AF_INET for family, _ in addresses),
        "ipv6": sum(family == socket.AF_INET6 for family, _ in addresses),
        "tcp": [_try_tcp(address, port) for _, address in addresses[:2]],
    }


def _try_tcp(address: str, port: int) -> str:
    started = time.monotonic()
    try:
        with socket.create_connection((address, port), timeout=TCP_TIMEOUT_S):
            return f"{address}: open in {time.monotonic() - started:.2f} s"
    except OSError as error:
        return f"{address}: {error.strerror or error}"


def _refine(cause: str, hint: str, target: Target, evidence: Mapping[str, Any]) -> tuple[str, str]:
    """Return cause and hint with what the network told."""
    on_supabase = target.host.endswith((".supabase.co", ".supabase.com"))
    if "dns" in evidence:
        if on_supabase:
            return (
                "dns",
                "the project is paused or deleted, or its reference is wrong: see the dashboard",
            )
        return "dns", hint
    answered = any(word in text for text in evidence["tcp"] for word in _ANSWERED)
    if evidence["ipv6"] and not evidence["ipv4"] and not answered:
        hint = (
            "the host has IPv6 addresses only, and this machine does not get there: "
            "use the session pooler (KULTI_OPS_POOLER_HOST, port 5432)"
        )
        return "ipv6-only", hint
    return cause, hint
