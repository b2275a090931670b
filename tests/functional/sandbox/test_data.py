"""The generated rows: deterministic, plausible, agreeing with each other."""

from __future__ import annotations

import psycopg
import pytest

from kulti_ops.errors import DatabaseError
from kulti_ops.sandbox.build import PHASES, build_database
from tests.functional.sandbox.conftest import NOW, PASSWORD, SCALE, Built
from tests.functional.sandbox.support import rows, value


def test_build_reports_its_steps_and_counts(built: Built, admin: psycopg.Connection) -> None:
    assert built.steps == (*(phase.title for phase in PHASES), "gathering statistics")
    counts = dict(built.summary.rows)
    assert len(counts) == 49
    assert all(count > 0 for count in counts.values())
    assert counts["profiles"] == 200
    assert counts["sessions"] == 500
    assert 3_500 < counts["session_participants"] < 4_500
    assert 9_000 < counts["credit_transactions"] < 11_500
    assert 4_500 < counts["messages"] < 5_500
    assert 90 < counts["recordings"] < 120
    assert built.summary.total_rows == sum(counts.values())
    assert value(admin, "SELECT count(*) FROM public.messages") == counts["messages"]
    assert built.summary.size_bytes > 10_000_000


def test_build_of_the_same_scale_and_now_gives_the_same_rows(twins: tuple[Built, Built]) -> None:
    one, two = (digests(twin) for twin in twins)
    assert len(one) > 100
    assert one == two


def digests(built: Built) -> dict[str, str]:
    """Return a digest of each table's rows, in no order, and of the large objects."""
    with psycopg.connect(built.admin_url, connect_timeout=10) as connection:
        connection.execute("SET search_path = ''")
        connection.execute("SET extra_float_digits = 3")
        names = rows(
            connection,
            "SELECT c.oid::regclass::text, relkind FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = relnamespace WHERE relkind IN ('r', 'm', 'S')"
            " AND nspname !~ '^(pg_|information_schema)'",
        )
        of_rows = "SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {} t"
        of_sequence = "SELECT last_value || ' ' || is_called FROM {}"
        found = {
            name: value(connection, (of_sequence if kind == "S" else of_rows).format(name))
            for name, kind in names
        }
        found["large objects"] = value(
            connection,
            "SELECT string_agg(oid || md5(lo_get(oid)), ',' ORDER BY oid)"
            " FROM pg_largeobject_metadata",
        )
    return found


def test_data_has_every_allowed_kind_that_can_stay_clean(admin: psycopg.Connection) -> None:
    statuses = rows(admin, "SELECT DISTINCT status FROM public.recordings ORDER BY 1")
    assert statuses == ["completed", "failed", "processing", "recording"]
    types = value(admin, "SELECT count(DISTINCT type) FROM public.credit_transactions")
    assert types == 14
    ties = value(
        admin,
        "SELECT count(*) FROM (SELECT FROM public.credit_transactions"
        " GROUP BY user_id, created_at HAVING count(*) > 1) t",
    )
    assert ties > 0, "rows of one transaction share created_at: the chain needs its tie-break"


def test_data_is_free_of_what_the_credit_incident_looks_for(admin: psycopg.Connection) -> None:
    assert value(admin, "SELECT max(credits_balance) FROM public.profiles") <= 10_000
    assert (
        rows(
            admin,
            "SELECT user_id FROM (SELECT user_id, created_at - lag(created_at) OVER"
            " (PARTITION BY user_id, amount, type ORDER BY created_at) AS gap"
            " FROM public.credit_transactions) t WHERE gap < interval '1 day'",
        )
        == []
    )


def test_data_uses_the_platforms_forms_of_codes(admin: psycopg.Connection) -> None:
    assert (
        rows(
            admin,
            "SELECT room_code FROM public.sessions WHERE room_code !~"
            " '^(VIBE|CODE|BUILD|HACK|SHIP|MAKE|FLOW|SYNC)-[A-Z0-9]{4}$'",
        )
        == []
    )
    assert rows(admin, "SELECT code FROM public.invites WHERE code !~ '^K[0-9A-F]{4}$'") == []


def test_data_has_nothing_in_the_past_of_its_cause(admin: psycopg.Connection) -> None:
    assert (
        value(
            admin,
            "SELECT count(*) FROM public.session_participants sp"
            " JOIN public.profiles p ON p.id = sp.user_id WHERE sp.joined_at < p.created_at",
        )
        == 0
    )
    newest = value(admin, "SELECT max(created_at) FROM public.credit_transactions")
    assert newest < NOW


def test_counters_of_rooms_and_sessions_agree_with_their_rows(admin: psycopg.Connection) -> None:
    assert (
        rows(
            admin,
            "SELECT r.slug FROM public.community_rooms r WHERE member_count <> (SELECT count(*)"
            " FROM public.room_members m WHERE m.room_id = r.id) OR message_count <>"
            " (SELECT count(*)"
            " FROM public.room_messages m WHERE m.room_id = r.id)",
        )
        == []
    )
    assert (
        rows(
            admin,
            "SELECT t.id FROM public.discussion_topics t WHERE upvote_count <> (SELECT count(*)"
            " FROM public.topic_votes v WHERE v.topic_id = t.id) OR comment_count <>"
            " (SELECT count(*)"
            " FROM public.topic_comments c WHERE c.topic_id = t.id)",
        )
        == []
    )
    assert (
        rows(
            admin,
            "SELECT s.id FROM public.sessions s WHERE total_chat_messages <> (SELECT count(*)"
            " FROM public.messages m WHERE m.session_id = s.id)",
        )
        == []
    )


def test_generator_leaves_nothing_of_itself(admin: psycopg.Connection) -> None:
    assert rows(admin, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'kulti%%'") == []


def test_build_on_a_server_that_is_not_fresh_names_the_file(built: Built) -> None:
    with pytest.raises(DatabaseError, match=r"00_roles\.sql failed: role .* already exists"):
        build_database(built.admin_url, postgres_password=PASSWORD, scale=SCALE, now=NOW)
