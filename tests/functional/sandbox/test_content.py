"""What a built sandbox consists of, compared with what is known of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.functional.sandbox.support import rows, value

if TYPE_CHECKING:
    import psycopg

# Table, its policies' commands (* all, S select, I insert, U update, D delete; - none) and how
# many indexes it has, primary and unique keys included.
TABLES = """
ai_conversations *S 4, ai_messages *IS 1, app_config - 1, community_rooms S 6,
credit_milestones S 4, credit_transactions ISS 7, discussion_topics ISU 6, guest_presenters S 5,
invite_uses IDSU 6, invites IDSSSSU 5, matchmaking_suggestions SU 4, message_upvotes IDS 4,
messages S 7, notifications ISU 4, profiles IDSSSUU 14, recordings DS 4, room_members IDS 7,
room_message_reactions IDS 4, room_messages ISU 5, session_participants - 8, sessions ISSU 17,
topic_comments ISU 3, topic_votes IDS 4, user_presence *S 4, waitlist - 2,
ai_agent_followers IIDDSS 6, ai_agent_memories - 4, ai_agent_sessions *SS 8,
ai_agent_verification_attempts ISU 3, ai_agent_x_activity IS 3, ai_agent_x_connections *S 5,
ai_chat_messages IS 3, ai_community_messages IS 5, ai_creative_responses IS 6, ai_editorial S 5,
ai_notifications ISU 4, ai_showcase S 3, ai_stream_events *S 3, ai_stream_messages *IISS 2,
ai_stream_recordings S 2, ai_architecture_gallery ISU 3, ai_art_gallery ISU 5,
ai_fashion_gallery ISU 3, ai_jewelry_gallery ISU 3, ai_music_gallery ISU 3,
ai_photo_gallery ISU 5, ai_shader_gallery ISU 4, ai_video_gallery ISU 4, ai_writing_gallery ISU 4
"""

# Column, what it refers to and what a delete there does: c cascade, n set null, r restrict.
FOREIGN_KEYS = """
ai_conversations.session_id sessions c, ai_messages.conversation_id ai_conversations c,
ai_messages.user_id profiles n, community_rooms.created_by profiles n,
credit_milestones.user_id profiles c, credit_transactions.user_id profiles c,
credit_transactions.source_session_id sessions n, discussion_topics.room_id community_rooms c,
discussion_topics.created_by profiles n, discussion_topics.covered_in_session_id sessions n,
guest_presenters.session_id sessions c, invite_uses.invite_id invites c,
invite_uses.used_by profiles n, invites.created_by profiles r,
matchmaking_suggestions.user_id profiles c, matchmaking_suggestions.session_id sessions c,
message_upvotes.message_id messages c, message_upvotes.user_id profiles c,
messages.session_id sessions c, messages.user_id profiles c, messages.pinned_by profiles n,
messages.parent_message_id messages c, notifications.user_id profiles c,
profiles.id auth.users c, profiles.referred_by profiles n, recordings.session_id sessions c,
room_members.room_id community_rooms c, room_members.user_id profiles c,
room_message_reactions.message_id room_messages c, room_message_reactions.user_id profiles c,
room_messages.room_id community_rooms c, room_messages.user_id profiles n,
room_messages.parent_message_id room_messages c, session_participants.session_id sessions c,
session_participants.user_id profiles c, sessions.host_id profiles r,
sessions.ai_module_updated_by profiles r, topic_comments.topic_id discussion_topics c,
topic_comments.user_id profiles n, topic_comments.parent_comment_id topic_comments c,
topic_votes.topic_id discussion_topics c, topic_votes.user_id profiles c,
user_presence.user_id profiles c, user_presence.current_session_id sessions n,
ai_agent_followers.follower_user_id auth.users c, ai_agent_followers.user_id profiles c,
ai_agent_x_connections.agent_id ai_agent_sessions c, ai_chat_messages.thread_id ai_chat_messages c,
ai_community_messages.parent_id ai_community_messages r, ai_notifications.user_id auth.users c,
ai_stream_events.session_id ai_agent_sessions c, ai_stream_messages.session_id ai_agent_sessions c,
ai_stream_recordings.session_id ai_agent_sessions n
"""


def entries(text: str) -> list[list[str]]:
    return [entry.split() for entry in text.replace("\n", " ").split(",")]


def test_public_has_as_many_objects_as_the_platform(admin: psycopg.Connection) -> None:
    counts = rows(
        admin,
        "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n AND relkind = 'r'),"
        " (SELECT count(*) FROM pg_class WHERE relnamespace = n AND relkind = 'v'),"
        " (SELECT count(*) FROM pg_class WHERE relnamespace = n AND relkind = 'i'),"
        " (SELECT count(*) FROM pg_policy p JOIN pg_class c ON c.oid = polrelid"
        "   WHERE relnamespace = n),"
        " (SELECT count(*) FROM pg_constraint WHERE connamespace = n AND contype = 'f'),"
        " (SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid"
        "   WHERE relnamespace = n AND NOT tgisinternal),"
        " (SELECT count(*) FROM pg_proc WHERE pronamespace = n)"
        " FROM (SELECT 'public'::regnamespace AS n) x",
    )
    assert counts == [(49, 5, 232, 126, 53, 8, 69)]


def test_public_tables_have_the_platforms_policies_and_indexes(admin: psycopg.Connection) -> None:
    found = rows(
        admin,
        "SELECT relname, coalesce((SELECT string_agg(CASE polcmd WHEN '*' THEN '*'"
        " WHEN 'r' THEN 'S' WHEN 'a' THEN 'I' WHEN 'w' THEN 'U' ELSE 'D' END, '') FROM pg_policy"
        " WHERE polrelid = c.oid), '-'), (SELECT count(*) FROM pg_index WHERE indrelid = c.oid)"
        " FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
    )
    expected = {name: (sorted(commands), int(n)) for name, commands, n in entries(TABLES)}
    assert {name: (sorted(commands), n) for name, commands, n in found} == expected


def test_public_foreign_keys_have_the_platforms_delete_actions(admin: psycopg.Connection) -> None:
    found = rows(
        admin,
        "SELECT c.relname || '.' || a.attname,"
        " regexp_replace(confrelid::regclass::text, '^public[.]', ''), confdeltype::text"
        " FROM pg_constraint JOIN pg_class c ON c.oid = conrelid"
        " JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]"
        " WHERE connamespace = 'public'::regnamespace AND contype = 'f' AND convalidated",
    )
    assert sorted(map(list, found)) == sorted(entries(FOREIGN_KEYS))


def test_public_lacks_row_security_on_exactly_three_tables(admin: psycopg.Connection) -> None:
    open_tables = rows(
        admin,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'r' AND NOT relrowsecurity ORDER BY 1",
    )
    assert open_tables == ["app_config", "session_participants", "waitlist"]


def test_public_belongs_to_postgres_and_nothing_of_the_vendor_does(
    admin: psycopg.Connection,
) -> None:
    owners = dict(
        rows(
            admin,
            "SELECT nspname::text, array_agg(DISTINCT relowner::regrole::text ORDER BY"
            " relowner::regrole::text) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname IN ('auth','storage','realtime','vault','public','supabase_migrations',"
            "'edge_cases') GROUP BY 1",
        )
    )
    assert owners == {
        "auth": ["supabase_auth_admin"],
        "edge_cases": ["postgres"],
        "public": ["postgres"],
        "realtime": ["supabase_admin", "supabase_realtime_admin"],
        "storage": ["supabase_storage_admin"],
        "supabase_migrations": ["postgres"],
        "vault": ["supabase_admin"],
    }


def test_publication_follows_the_platforms_seven_tables(admin: psycopg.Connection) -> None:
    assert rows(
        admin,
        "SELECT tablename FROM pg_publication_tables WHERE pubname = 'supabase_realtime'"
        " ORDER BY 1",
    ) == [
        "ai_agent_sessions",
        "ai_art_gallery",
        "ai_community_messages",
        "ai_notifications",
        "ai_stream_events",
        "ai_stream_messages",
        "sessions",
    ]
    assert value(admin, "SELECT pubowner::regrole::text FROM pg_publication") == "postgres"


def test_views_run_with_owner_rights_and_anon_may_read_them(admin: psycopg.Connection) -> None:
    views = rows(
        admin,
        "SELECT relname, reloptions, has_table_privilege('anon', oid, 'SELECT') FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'v' ORDER BY 1",
    )
    assert views == [
        ("admin_referral_overview", None, True),
        ("creative_threads", None, True),
        ("invite_stats", None, True),
        ("trending_conversations", None, True),
        ("user_credit_stats", None, True),
    ]
    for name, _, _ in views:
        assert value(admin, f"SELECT count(*) FROM public.{name}") > 0


def test_vendor_tables_carry_the_customers_trigger_and_policies(admin: psycopg.Connection) -> None:
    assert rows(
        admin,
        "SELECT tgname, tgfoid::regprocedure::text FROM pg_trigger"
        " WHERE tgrelid = 'auth.users'::regclass AND NOT tgisinternal",
    ) == [("on_auth_user_signed_in", "public.sync_last_active_from_auth()")]
    assert (
        value(admin, "SELECT count(*) FROM pg_policy WHERE polrelid = 'storage.objects'::regclass")
        == 2
    )


def test_extensions_and_event_triggers_belong_to_the_superuser(admin: psycopg.Connection) -> None:
    assert rows(
        admin,
        "SELECT extname, extnamespace::regnamespace::text, extowner::regrole::text"
        " FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1",
    ) == [
        ("pg_cron", "pg_catalog", "supabase_admin"),
        ("pg_stat_statements", "extensions", "supabase_admin"),
        ("pgcrypto", "extensions", "supabase_admin"),
        ("uuid-ossp", "extensions", "supabase_admin"),
    ]
    assert rows(
        admin, "SELECT evtname, evtowner::regrole::text FROM pg_event_trigger ORDER BY 1"
    ) == [("pgrst_ddl_watch", "supabase_admin"), ("pgrst_drop_watch", "supabase_admin")]
