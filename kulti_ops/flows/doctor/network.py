"""Questions about the network: IPv6-only hosts, Sentry. Sends nothing but connection attempts."""

from __future__ import annotations

import ipaddress
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from kulti_ops import telemetry
from kulti_ops.flows.doctor.check import Answer, ok, skipped
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.config import Settings
    from kulti_ops.db import Target

    Resolve = Callable[[str, int], tuple[str, ...]]
    HasRoute = Callable[[str, int], bool]

RESOLVE_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 3.0
SESSION_POOLER = (
    "use the session pooler: KULTI_OPS_POOLER_HOST=aws-0-<region>.pooler.supabase.com with "
    "SUPABASE_PROJECT_REF, or DATABASE_URL with port 5432 and role postgres.<ref>"
)


def addresses_of(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses of a host; raises OSError when there are none, or too late."""
    found: list[tuple[str, ...]] = []
    failed: list[OSError] = []

    def resolve() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            failed.append(error)
        else:
            found.append(tuple(dict.fromkeys(str(entry[4][0]) for entry in entries)))

    # getaddrinfo knows no timeout: a thread that is left behind ends with the process
    worker = threading.Thread(target=resolve, daemon=True)
    worker.start()
    worker.join(RESOLVE_TIMEOUT_S)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"no answer from the DNS within {RESOLVE_TIMEOUT_S:.0f} s")
    return found[0]


def has_route(address: str, port: int) -> bool:
    """Tell whether this machine has a route to an address; connecting UDP sends nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            probe.connect((address, port))
    except OSError:
        return False
    return True


def ipv6(target: Target | None, *, resolve: Resolve, route: HasRoute) -> Answer:
    """Check that the database's host has an address that this machine can send to."""
    if target is None:
        return skipped("no database is configured")
    if target.is_local or _is_address(target.host):
        return skipped(f"{target.host} needs no name resolution")
    try:
        addresses = resolve(target.host, target.port)
    except OSError as error:
        return Answer(
            status=Verdict.UNKNOWN,
            summary=f"{target.host} cannot be resolved: {error.strerror or error}",
            next="check the host's name and this machine's DNS",
        )
    if any(":" not in address for address in addresses):
        return ok(f"{target.host} has an IPv4 address", addresses=addresses)
    if any(route(address, target.port) for address in addresses):
        return ok(f"{target.host} is IPv6-only, and this machine has IPv6", addresses=addresses)
    return Answer(
        status=Verdict.CRIT,
        summary=f"{target.host} has IPv6 addresses only, and this machine has no route to them",
        next=SESSION_POOLER,
        evidence={"addresses": addresses},
    )


def sentry(settings: Settings) -> Answer:
    """Check that the tool's own errors have somewhere to go."""
    if settings.sentry_dsn is None:
        return skipped("KULTI_OPS_SENTRY_DSN is not set: nothing is sent")
    endpoint = telemetry.endpoint(settings.sentry_dsn.get_secret_value())
    if endpoint is None:
        return Answer(
            status=Verdict.WARN,
            summary="KULTI_OPS_SENTRY_DSN is no DSN: nothing is sent",
            next="set KULTI_OPS_SENTRY_DSN=https://KEY@HOST/PROJECT, from the project's settings",
        )
    host, port = endpoint
    try:
        socket.create_connection(endpoint, timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return Answer(
            status=Verdict.WARN,
            summary=f"Sentry at {host}:{port} cannot be reached ({error.strerror or error}): "
            "errors of this tool get lost",
            next="check KULTI_OPS_SENTRY_DSN and the firewall, or unset it",
            evidence={"host": host, "port": port},
        )
    return ok(f"{host}:{port} accepts connections", host=host, port=port)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
