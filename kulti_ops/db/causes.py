"""Why a connection failed: libpq's words, what they mean, what to do about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One known cause: its word for scripts, and what people are told."""

    name: str
    message: str
    hint: str


# what libpq says -> (cause, what we say, what to do); the first that is found applies
_CAUSES = (
    (
        "password authentication failed",
        "password",
        "the password is wrong for role {user}",
        "check the password in your settings; special characters in a URL must be %-encoded",
    ),
    (
        "no password supplied",
        "password",
        "no password was given for role {user}",
        "set it in your settings",
    ),
    (
        "Tenant or user not found",
        "pooler-tenant",
        "the pooler knows no {user}",
        "the role is postgres.<ref>; a paused project is unknown to the pooler too",
    ),
    (
        "tenant/user",  # Supavisor's newer words: (ENOTFOUND) tenant/user NAME not found
        "pooler-tenant",
        "the pooler knows no {user}",
        "the role is postgres.<ref>; a paused project is unknown to the pooler too",
    ),
    (
        "ax client connections reached",  # Max…, and newer (EMAXCONN) max…
        "pooler-full",
        "the pooler takes no more clients",
        "end idle clients, raise the pool size, or use the direct host",
    ),
    (
        "unable to check out connection",
        "pooler-full",
        "the pooler got no connection of the database in time",
        "its pool is in use: end idle clients, or use the direct host to see who holds it",
    ),
    (
        "query_wait_timeout",
        "pooler-full",
        "the pooler got no connection of the database in time",
        "its pool is in use: end idle clients, or use the direct host to see who holds it",
    ),
    (
        "ECIRCUITBREAKER",
        "pooler-blocked",
        "the pooler turns everybody away after too many wrong passwords",
        "find who still uses an old password, and wait some minutes; or use the direct host",
    ),
    (
        "SSL connection is required",
        "tls",
        "{host} wants TLS",
        "use sslmode=verify-full, or at least require",
    ),
    (
        "max clients reached",
        "pooler-full",
        "the pooler takes no more clients",
        "end idle clients, raise the pool size, or use the direct host",
    ),
    (
        "MaxClientsInSessionMode",
        "pooler-full",
        "the pooler takes no more clients",
        "end idle clients, raise the pool size, or use the direct host",
    ),
    (
        "no more connections allowed",
        "pooler-full",
        "the pooler takes no more clients",
        "end idle clients, or raise its max_client_conn",
    ),
    (
        "no pg_hba.conf entry",
        "not-admitted",
        "{host} does not admit this machine as {user}",
        "check the project's network restrictions and that TLS is on",
    ),
    (
        "is not permitted to log in",
        "not-admitted",
        "role {user} may not log in",
        "use another role",
    ),
    (
        "not currently accepting connections",
        "not-admitted",
        "database {database} accepts no connections",
        "somebody set ALLOW_CONNECTIONS to false, or it is being dropped",
    ),
    (
        "does not match host name",
        "tls",
        "the certificate is not for {host}",
        "use the name that the certificate has",
    ),
    (
        "does not exist",
        "names",
        "no database {database} or no role {user}",
        "check the names in the URL",
    ),
    (
        "Network is unreachable",
        "no-route",
        "no route to {host}",
        "direct Supabase hosts are IPv6-only: use the session pooler (KULTI_OPS_POOLER_HOST)",
    ),
    (
        "No route to host",
        "no-route",
        "no route to {host}",
        "check network and firewall",
    ),
    (
        "Cannot assign requested address",
        "no-route",
        "this machine has no address to reach {host} from",
        "direct Supabase hosts are IPv6-only: use the session pooler (KULTI_OPS_POOLER_HOST)",
    ),
    (
        "Connection refused",
        "refused",
        "nothing listens at {host}:{port}",
        "is the server up, the port right?",
    ),
    (
        "could not translate host name",
        "dns",
        "the host {host} is unknown",
        "check the host and the DNS; a paused project has no host",
    ),
    (
        "failed to resolve host",
        "dns",
        "the host {host} is unknown",
        "check the host and the DNS; a paused project has no host",
    ),
    ("No such file or directory", "refused", "no socket in {host}", "is the server up?"),
    (
        "too many clients",
        "connections-full",
        "the server has no free connection: too many clients",
        "end idle connections, or wait; a superuser still gets in",
    ),
    (
        "remaining connection slots",
        "connections-full",
        "the server has no free connection: the rest is reserved for superusers",
        "end idle connections, or wait; a superuser still gets in",
    ),
    (
        "too many connections for",
        "connections-full",
        "the role or database has used up its own limit of connections",
        "end idle connections, or raise its CONNECTION LIMIT",
    ),
    (
        "root certificate file",
        "tls",
        "the CA file for TLS is missing",
        "set KULTI_OPS_SSLROOTCERT to the project's CA file",
    ),
    (
        "certificate verify failed",
        "tls",
        "the certificate of {host} is not trusted",
        "set KULTI_OPS_SSLROOTCERT to the project's CA file",
    ),
    (
        "server does not support SSL",
        "tls",
        "{host} offers no TLS",
        "is this the database you mean?",
    ),
    ("SSL error", "tls", "the TLS handshake with {host} failed", "is this the database's port?"),
    (
        "starting up",
        "starting",
        "the server is starting up",
        "try again in a few seconds",
    ),
    (
        "in recovery mode",
        "recovery",
        "the server recovers from a crash",
        "wait: it replays its log; look for what crashed it afterwards",
    ),
    (
        "not yet accepting connections",
        "recovery",
        "the server is in recovery and takes no connections yet",
        "wait until it has caught up",
    ),
    (
        "system is not accepting connections",
        "recovery",
        "the server is a standby that lets nobody in",
        "connect to the primary, or set hot_standby",
    ),
    ("shutting down", "stopping", "the server is shutting down", ""),
    (
        "timeout expired",
        "timeout",
        "no answer from {host}:{port} in time",
        "check network and firewall",
    ),
    (
        "Connection timed out",
        "timeout",
        "no answer from {host}:{port} in time",
        "check network and firewall",
    ),
    (
        "invalid response to SSL negotiation",
        "not-postgres",
        "what answers at {host}:{port} is no PostgreSQL",
        "is this the database's host and port?",
    ),
    (
        "server closed the connection unexpectedly",
        "closed",
        "{host}:{port} closed the connection at once",
        "is this the database's port? a crashing server or a full pooler does this too",
    ),
)


def connect_cause(text: str, names: Mapping[str, str]) -> Cause | None:
    """Return the cause that libpq's message stands for, None for one that is not known.

    `names` fill the message: user, host, port, database.
    """
    for needle, name, message, hint in _CAUSES:
        if needle in text:
            return Cause(name=name, message=message.format(**names), hint=hint)
    return None
