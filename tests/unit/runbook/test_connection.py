from __future__ import annotations

import errno
import socket
from types import MappingProxyType
from typing import TYPE_CHECKING

from kulti_ops.db import Target
from kulti_ops.errors import DatabaseError
from kulti_ops.runbook import connection

if TYPE_CHECKING:
    import pytest


def target(host: str) -> Target:
    params = {"host": host, "port": "5432", "user": "postgres", "dbname": "postgres"}
    return Target(params=MappingProxyType(params), origin="a test")


def _unreachable(*_: object, **__: object) -> None:
    raise OSError(errno.ENETUNREACH, "Network is unreachable")


def test_failure_of_a_host_with_ipv6_only_names_the_pooler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    error = DatabaseError("no route", cause="no-route", hint="?")
    host = target("db.abcdefghijklmnopqrst.supabase.co")
    monkeypatch.setattr(socket, "create_connection", _unreachable)
    result = connection.diagnose_failure(host, error, duration_s=0.1)
    assert result.evidence["cause"] == "ipv6-only"
    assert "KULTI_OPS_POOLER_HOST" in result.summary


def test_failure_of_a_supabase_host_without_an_address_is_a_paused_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = DatabaseError("unknown host", cause="dns")
    host = target("db.abcdefghijklmnopqrst.supabase.co")
    result = connection.diagnose_failure(host, error, duration_s=0.1)
    assert "paused" in result.summary
    assert result.evidence["dns"] == "failed: Name or service not known"


def test_failure_of_an_ipv6_host_that_was_reached_is_not_the_fault_of_the_address() -> None:
    with socket.socket(socket.AF_INET6) as closed:
        closed.bind(("::1", 0))  # taken, and nothing listens: whoever connects is refused
        params = {"host": "::1", "port": str(closed.getsockname()[1])}
        nobody = Target(params=MappingProxyType({**target("").params, **params}), origin="a test")
        error = DatabaseError("refused", cause="refused", hint="is the server up?")
        result = connection.diagnose_failure(nobody, error, duration_s=0.1)
    assert result.evidence["cause"] == "refused"
    assert "KULTI_OPS_POOLER_HOST" not in result.summary
