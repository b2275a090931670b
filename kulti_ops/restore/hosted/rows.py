"""Which rows of the vendor's tables come back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.rules import Fate
from kulti_ops.restore.hosted.step import Step

if TYPE_CHECKING:
    from kulti_ops.archive import Entry
    from kulti_ops.restore.hosted.rules import Rule
    from kulti_ops.restore.hosted.view import View

# Live state of logins: whoever has a copy of it is logged in as somebody else.
SESSION_TABLES = frozenset(
    {
        "flow_state",
        "mfa_amr_claims",
        "mfa_challenges",
        "oauth_authorizations",
        "oauth_client_states",
        "one_time_tokens",
        "refresh_tokens",
        "saml_relay_states",
        "sessions",
        "webauthn_challenges",
    }
)
# Everything else that the services of the platform keep, as of 2026; what is not here is named.
KNOWN_TABLES = {
    "auth": SESSION_TABLES
    | {
        "audit_log_entries",
        "custom_oauth_providers",
        "identities",
        "instances",
        "mfa_factors",
        "oauth_clients",
        "oauth_consents",
        "saml_providers",
        "schema_migrations",
        "sso_domains",
        "sso_providers",
        "users",
        "webauthn_credentials",
    },
    "storage": frozenset(
        {
            "buckets",
            "buckets_analytics",
            "buckets_vectors",
            "iceberg_namespaces",
            "iceberg_tables",
            "migrations",
            "objects",
            "prefixes",
            "s3_multipart_uploads",
            "s3_multipart_uploads_parts",
            "vector_indexes",
        }
    ),
    "supabase_functions": frozenset({"hooks", "migrations"}),
}
_MIGRATION_TABLES = frozenset({"migrations", "schema_migrations"})
_BY_SCHEMA = {
    "_realtime": rules.REALTIME,
    "realtime": rules.REALTIME,
    "pgsodium": rules.SECRETS,
    "vault": rules.SECRETS,
    "cron": rules.JOBS,
    "net": rules.JOBS,
}


def decide_rows(view: View, entry: Entry) -> Step:
    """Return the step of a vendor's TABLE DATA."""
    rule = _left_out(entry, with_sessions=view.options.with_sessions)
    if rule is not None:
        return Step(entry=entry, rule=_if_any(view, entry, rule))
    relation = view.relation(entry)
    if relation is None:
        return Step(entry=entry, rule=_if_any(view, entry, rules.ROWS_NO_TABLE))
    if not relation.insert:
        return Step(entry=entry, rule=_if_any(view, entry, rules.ROWS_NO_RIGHT))
    if relation.empty is not True:
        return Step(entry=entry, rule=_if_any(view, entry, rules.ROWS_OF_OTHERS))
    missing = view.missing_columns(entry, relation)
    if missing:
        detail = f"the target has no column {', '.join(missing)}"
        columns = view.data_columns(entry)
        return Step(
            entry=entry, rule=rules.ROWS_STAGED, columns=columns, missing=missing, detail=detail
        )
    known = not view.is_vendor(entry) or entry.tag in KNOWN_TABLES.get(entry.namespace, ())
    empty = view.source_rows(entry) == 0
    return Step(entry=entry, rule=rules.RUN if known or empty else rules.ROWS_UNKNOWN)


def decide_sequence(view: View, entry: Entry) -> Step:
    """Return the step of a vendor's SEQUENCE SET."""
    if entry.namespace in {"realtime", "_realtime"}:
        return Step(entry=entry, rule=rules.REALTIME)
    relation = view.relation(entry)
    if relation is not None and relation.update:
        return Step(entry=entry, rule=rules.RUN)
    behind = relation is not None and _has_rows(view, entry)
    return Step(entry=entry, rule=rules.SEQUENCE_BEHIND if behind else rules.SEQUENCE_NO_RIGHT)


def _has_rows(view: View, entry: Entry) -> bool:
    """Return whether rows come back into the table whose column a sequence belongs to."""
    rows = view.rows_of_sequence(entry)
    return any(decide_rows(view, r).fate is Fate.RUN and view.source_rows(r) != 0 for r in rows)


def _left_out(entry: Entry, *, with_sessions: bool) -> Rule | None:
    if entry.tag in _MIGRATION_TABLES:
        return rules.MIGRATIONS
    if entry.namespace in _BY_SCHEMA:
        return _BY_SCHEMA[entry.namespace]
    live = entry.namespace == "auth" and entry.tag in SESSION_TABLES
    return rules.SESSIONS if live and not with_sessions else None


def _if_any(view: View, entry: Entry, rule: Rule) -> Rule:
    """Return the rule, unless the backup has no row that it could be about."""
    return rules.NO_ROWS if view.source_rows(entry) == 0 else rule
