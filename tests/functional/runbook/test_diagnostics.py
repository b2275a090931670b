"""Every diagnostic that looks at contents or catalogues: clean, then dirty with the exact rows."""

# ruff: noqa: E501 - statements read better unbroken
from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import RawCursor

from kulti_ops.pipeline import Table
from kulti_ops.runbook.judge import judge
from kulti_ops.runbook.library import choose, load_accepted, load_library
from kulti_ops.runbook.run import RunOptions, _answer, _counted, run_checks

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from kulti_ops.db import Connection
    from kulti_ops.report import CheckResult

# One user with a ledger, and one ended session with people in it.
USER = "(SELECT user_id FROM public.credit_transactions ORDER BY user_id LIMIT 1)"
OTHER = "(SELECT id FROM public.profiles ORDER BY id DESC LIMIT 1)"
ENDED = (
    "(SELECT s.id FROM public.sessions s JOIN public.session_participants p"
    " ON p.session_id = s.id WHERE s.status = 'ended' ORDER BY s.id LIMIT 1)"
)
NO_CHECKS = "SET LOCAL session_replication_role = replica"


@dataclass(frozen=True, kw_only=True)
class Case:
    """How to dirty a database for a diagnostic, and what it then finds."""

    id: str
    dirty: str
    status: str
    rows: tuple[Mapping[str, Any], ...]  # of the findings; columns that matter
    settings: Mapping[str, str] = field(default_factory=dict)


CASES = (
    # database
    Case(
        id="duplicate-indexes",
        dirty="CREATE INDEX twice ON public.recordings (session_id); "
        "CREATE INDEX once ON public.recordings (session_id DESC)",
        status="warn",
        rows=({"index_name": "public.twice"},),
    ),
    Case(
        id="invalid-indexes",
        dirty="CREATE INDEX half ON public.recordings (duration); "
        "UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = 'public.half'::regclass",
        status="warn",
        rows=({"index_name": "public.half", "table_name": "public.recordings"},),
    ),
    Case(
        id="missing-fk-indexes",
        dirty="CREATE TABLE public.likes (id int, recording_id uuid REFERENCES public.recordings); "
        "UPDATE pg_catalog.pg_class SET reltuples = 50000 WHERE oid = 'public.likes'::regclass",
        status="warn",
        rows=({"table_name": "public.likes", "columns": "recording_id", "rows_estimate": 50000},),
    ),
    Case(
        id="missing-fk-indexes",  # one that leaves out only rows which refer to nothing serves
        dirty="CREATE TABLE public.likes (id int, recording_id uuid REFERENCES public.recordings,"
        " host_id uuid REFERENCES public.profiles); "
        "CREATE INDEX ON public.likes (recording_id) WHERE recording_id IS NOT NULL; "
        "CREATE INDEX ON public.likes (host_id) WHERE recording_id IS NOT NULL; "
        "UPDATE pg_catalog.pg_class SET reltuples = 50000 WHERE oid = 'public.likes'::regclass",
        status="warn",
        rows=({"table_name": "public.likes", "columns": "host_id"},),
    ),
    Case(
        id="sequences",
        dirty="CREATE TABLE public.small (id serial); "
        "SELECT setval('public.small_id_seq', 2000000000)",
        status="crit",
        rows=({"sequence_name": "public.small_id_seq", "limited_by": "the sequence"},),
    ),
    Case(
        id="sequences",
        dirty="CREATE TABLE public.wide (id bigserial); "
        "ALTER TABLE public.wide ALTER COLUMN id TYPE integer; "
        "ALTER SEQUENCE public.wide_id_seq AS bigint; "
        "SELECT setval('public.wide_id_seq', 1700000000)",
        status="warn",
        rows=({"sequence_name": "public.wide_id_seq", "limited_by": "column id"},),
    ),
    Case(
        id="duplicate-indexes",  # they differ in what they forbid
        dirty="CREATE TABLE public.pairs (a int); CREATE UNIQUE INDEX ON public.pairs (a); "
        "CREATE UNIQUE INDEX ON public.pairs (a) NULLS NOT DISTINCT",
        status="ok",
        rows=(),
    ),
    Case(
        id="unused-indexes",
        dirty="CREATE INDEX idle ON public.recordings (duration)",
        status="warn",
        rows=({"index_name": "public.idle", "scans": 0},),
        settings={"unused_min_days": "0", "unused_min_mb": "0", "_only": "public.idle"},
    ),
    Case(
        id="bloat",
        dirty="CREATE TABLE public.holes (id int, note text); "
        "INSERT INTO public.holes SELECT n, repeat('x', 200) FROM generate_series(1, 20000) n; "
        "ANALYZE public.holes; "
        "UPDATE pg_catalog.pg_class SET reltuples = 500 WHERE oid = 'public.holes'::regclass",
        status="warn",
        rows=({"table_name": "public.holes"},),
        settings={"bloat.warn": "4"},
    ),
    Case(
        id="database-size",
        dirty="",
        status="crit",
        rows=({"database": "runbook_copy", "level": "crit"},),
        settings={"database-size.crit": "0.001"},
    ),
    Case(
        id="database-size",
        dirty="",
        status="warn",
        rows=({"database": "runbook_copy", "level": "warn"},),
        settings={"database-size.warn": "0.001"},
    ),
    Case(
        id="wraparound",
        dirty="UPDATE pg_catalog.pg_database SET datfrozenxid = '3000000000' "
        "WHERE datname = 'template0'",
        status="crit",
        rows=({"kind": "database", "name": "template0", "counter": "transactions"},),
    ),
    # access
    Case(
        id="rls-disabled",
        dirty="ALTER TABLE public.profiles DISABLE ROW LEVEL SECURITY",
        status="crit",
        rows=(
            {
                "table_name": "public.profiles",
                "roles": "anon, authenticated",
                "rights": "DELETE, INSERT, SELECT, UPDATE",
            },
        ),
    ),
    Case(
        id="rls-disabled",  # a right on one column is a right
        dirty="CREATE TABLE public.inner_works (id int, note text); REVOKE ALL ON public.inner_works "
        "FROM anon, authenticated; GRANT SELECT (note) ON public.inner_works TO anon",
        status="crit",
        rows=({"table_name": "public.inner_works", "roles": "anon", "rights": "SELECT"},),
    ),
    Case(
        id="rls-disabled",
        dirty="CREATE TABLE public.inner_works (id int); REVOKE ALL ON public.inner_works "
        "FROM anon, authenticated",
        status="ok",
        rows=(),
    ),
    Case(
        id="rls-no-policy",
        dirty='DROP POLICY "Users can view their own milestones" ON public.credit_milestones',
        status="warn",
        rows=({"table_name": "public.credit_milestones"},),
    ),
    Case(
        id="anon-writable",
        dirty="CREATE POLICY open ON public.recordings FOR UPDATE USING (true); "
        "CREATE POLICY fine ON public.recordings FOR UPDATE USING (auth.uid() IS NOT NULL)",
        status="crit",
        rows=({"table_name": "public.recordings", "command": "UPDATE", "how": "policy open"},),
    ),
    Case(
        id="anon-writable",  # USING alone decides who deletes
        dirty="CREATE POLICY half ON public.recordings USING (true) WITH CHECK (auth.uid() IS NOT NULL)",
        status="crit",
        rows=({"table_name": "public.recordings", "command": "DELETE", "how": "policy half"},),
    ),
    Case(
        id="anon-writable",  # who sees no row changes none; other ways to ask who it is
        dirty="CREATE POLICY own ON public.recordings FOR UPDATE USING (auth.uid() IS NOT NULL) "
        "WITH CHECK (true); CREATE POLICY claims ON public.recordings FOR INSERT "
        "WITH CHECK ((current_setting('request.jwt.claims', true)::jsonb ->> 'role') = 'service_role')",
        status="ok",
        rows=(),
    ),
    Case(
        id="anon-writable",  # it asks who is signed in, and lets in who is not
        dirty="CREATE POLICY guests ON public.recordings FOR INSERT "
        "WITH CHECK (auth.uid() IS NULL OR auth.uid() = session_id); "
        "CREATE POLICY named ON public.recordings FOR DELETE USING (auth.role() IN ('anon', 'x')); "
        "CREATE POLICY fine ON public.recordings FOR UPDATE USING (auth.role() <> 'anon')",
        status="crit",
        rows=(
            {"command": "DELETE", "how": "policy named"},
            {"command": "INSERT", "how": "policy guests"},
        ),
    ),
    Case(
        id="anon-writable",  # a right on one column is a right
        dirty="CREATE TABLE public.notes (id int, note text); REVOKE ALL ON public.notes FROM anon; "
        "GRANT UPDATE (note) ON public.notes TO anon",
        status="crit",
        rows=({"table_name": "public.notes", "command": "UPDATE", "how": "no row security"},),
    ),
    Case(
        id="anon-writable",  # past the row security of the table under it
        dirty="CREATE VIEW public.all_of_it AS SELECT * FROM public.recordings; "
        "REVOKE ALL ON public.all_of_it FROM anon; GRANT INSERT ON public.all_of_it TO anon; "
        "CREATE VIEW public.sums AS SELECT count(*) FROM public.recordings; "
        "GRANT INSERT ON public.sums TO anon; "
        "CREATE VIEW public.polite WITH (security_invoker = true) AS SELECT * FROM public.recordings; "
        "GRANT INSERT ON public.polite TO anon",
        status="crit",
        rows=(
            {
                "table_name": "public.all_of_it",
                "command": "INSERT",
                "how": "a view with its owner's rights",
            },
        ),
    ),
    Case(
        id="anon-readable",
        dirty="ALTER TABLE public.credit_transactions DISABLE ROW LEVEL SECURITY",
        status="warn",
        rows=({"object_name": "public.credit_transactions", "how": "no row security"},),
    ),
    Case(
        id="anon-readable",
        dirty="ALTER TABLE public.sessions ADD COLUMN host_email text",
        status="warn",
        rows=(
            {
                "object_name": "public.sessions",
                "columns": ": rtmp_stream_key_id, presenter_invite_token, host_email",
            },
        ),
    ),
    Case(
        id="owner-rights-views",
        dirty="CREATE VIEW public.all_of_it AS SELECT * FROM public.credit_transactions; "
        "GRANT SELECT ON public.all_of_it TO authenticated; "
        "REVOKE ALL ON public.all_of_it FROM anon; "
        "CREATE VIEW public.polite WITH (security_invoker = true) AS SELECT 1 AS one; "
        "GRANT SELECT ON public.polite TO anon",
        status="warn",
        rows=({"view_name": "public.all_of_it", "roles": "authenticated"},),
    ),
    Case(
        id="definer-functions",
        dirty="CREATE FUNCTION public.become_rich(integer) RETURNS void LANGUAGE sql "
        "SECURITY DEFINER SET search_path = '' AS ''",
        status="warn",
        rows=({"function_name": "public.become_rich(integer)", "roles": "anon, authenticated"},),
    ),
    Case(
        id="search-path-functions",
        dirty="ALTER FUNCTION public.is_admin() RESET search_path",
        status="warn",
        rows=({"function_name": "public.is_admin()"},),
    ),
    Case(
        id="self-updatable-columns",
        dirty="",
        status="crit",
        rows=({"column_name": "public.profiles.bio", "role": "authenticated"},),
        settings={"protected_columns": "bio"},
    ),
    Case(
        id="self-updatable-columns",  # administrators as well is not administrators only
        dirty="DO $$ DECLARE p record; BEGIN FOR p IN SELECT polname FROM pg_catalog.pg_policy "
        "WHERE polrelid = 'public.profiles'::regclass AND polcmd IN ('w', '*') LOOP "
        "EXECUTE pg_catalog.format('DROP POLICY %I ON public.profiles', p.polname); END LOOP; END $$; "
        "CREATE POLICY admins ON public.profiles FOR UPDATE USING (public.is_admin()); "
        "CREATE POLICY both_of ON public.profiles FOR UPDATE USING (id = auth.uid() OR public.is_admin())",
        status="crit",
        rows=({"column_name": "public.profiles.bio", "policy": "policy both_of"},),
        settings={"protected_columns": "bio"},
    ),
    Case(
        id="self-updatable-columns",
        dirty="REVOKE UPDATE ON public.profiles FROM anon, authenticated; "
        "GRANT UPDATE (bio) ON public.profiles TO authenticated",
        status="ok",
        rows=(),
    ),
    Case(
        id="unexpected-roles",
        dirty="CREATE ROLE intruder LOGIN BYPASSRLS; GRANT service_role TO anon; "
        "CREATE ROLE harmless NOLOGIN",
        status="warn",
        rows=(
            {"role": "anon", "why": "is a member of service_role"},
            {"role": "intruder", "why": "may log in, bypasses row security"},
        ),
    ),
    Case(
        id="extensions-in-public",
        dirty="CREATE EXTENSION pg_trgm SCHEMA public",
        status="warn",
        rows=({"extension": "pg_trgm"},),
    ),
    Case(
        id="disabled-triggers",
        dirty="ALTER TABLE public.recordings DISABLE TRIGGER update_recordings_updated_at; "
        "ALTER TABLE public.room_messages ENABLE REPLICA TRIGGER trigger_increment_message_count",
        status="crit",
        rows=(
            {"trigger_name": "update_recordings_updated_at", "state": "disabled"},
            {"trigger_name": "trigger_increment_message_count", "state": "for replicas only"},
        ),
    ),
    # platform
    Case(
        id="recordings-stuck",
        dirty=f"{NO_CHECKS}; UPDATE public.recordings SET status = 'processing', "
        "hms_recording_id = 'stuck', updated_at = now() - interval '61 minutes' "
        "WHERE id = (SELECT id FROM public.recordings WHERE status = 'completed' LIMIT 1)",
        status="warn",
        rows=({"hms_recording_id": "stuck"},),
    ),
    Case(
        id="recordings-ended-session",
        dirty=f"INSERT INTO public.recordings (session_id, hms_recording_id) VALUES ({ENDED}, 'on')",
        status="warn",
        rows=({"hms_recording_id": "on"},),
    ),
    Case(
        id="recordings-no-url",
        dirty="INSERT INTO public.recordings (session_id, hms_recording_id, status, recording_url) "
        f"VALUES ({ENDED}, 'blank', 'completed', '  ')",
        status="warn",
        rows=({"hms_recording_id": "blank"},),
    ),
    Case(
        id="recordings-failed",
        dirty="INSERT INTO public.recordings (session_id, hms_recording_id, status, metadata) "
        f"SELECT {ENDED}, 'bad', 'failed', '{{\"error\": \"no disk\"}}'::jsonb FROM generate_series(1, 3)",
        status="warn",
        rows=({"hms_recording_id": "bad", "error": "no disk"},) * 3,
    ),
    Case(
        id="recordings-duplicates",
        dirty="INSERT INTO public.recordings (session_id, hms_recording_id, status, recording_url) "
        f"SELECT {ENDED}, 'same', 'completed', 'https://kulti.example/v' FROM generate_series(1, 2)",
        status="warn",
        rows=({"hms_recording_id": "same", "rows": 2},),
    ),
    Case(
        id="recordings-success-rate",
        dirty="INSERT INTO public.recordings (session_id, hms_recording_id, status, recording_url) "
        f"SELECT {ENDED}, 'n' || n, CASE WHEN n <= 20 THEN 'failed' ELSE 'completed' END, 'x' "
        "FROM generate_series(1, 100) n",
        status="crit",
        rows=({"failed": 20},),
    ),
    Case(
        id="sessions-zombie",
        dirty="UPDATE public.sessions SET status = 'live', started_at = now() - interval '3 hours', "
        "ended_at = NULL WHERE id = (SELECT id FROM public.sessions WHERE status = 'scheduled' "
        "ORDER BY id LIMIT 1)",
        status="warn",
        rows=(
            {"rule": "sessions_live_without_heartbeat"},
            {"rule": "sessions_live_without_people"},
        ),
    ),
    Case(
        id="sessions-zombie",  # a session is live a moment before its host's row is there
        dirty="UPDATE public.sessions SET status = 'live', started_at = now() - interval '1 minute', "
        "ended_at = NULL WHERE id = (SELECT id FROM public.sessions WHERE status = 'scheduled' "
        "ORDER BY id LIMIT 1)",
        status="ok",
        rows=(),
    ),
    Case(
        id="sessions-impossible-times",
        dirty=f"UPDATE public.sessions SET ended_at = started_at - interval '1 s' WHERE id = {ENDED}",
        status="warn",
        rows=({"rule": "sessions_end_before_start"},),
    ),
    Case(
        id="sessions-unpaid",
        dirty=f"UPDATE public.sessions SET credits_calculated = false WHERE id = {ENDED}",
        status="warn",
        rows=({},),
    ),
    Case(
        id="sessions-overdue",
        dirty="UPDATE public.sessions SET started_at = now() - interval '1 day' "
        "WHERE id = (SELECT id FROM public.sessions WHERE status = 'scheduled' ORDER BY id LIMIT 1)",
        status="warn",
        rows=({},),
    ),
    Case(
        id="presence-stale",
        dirty="UPDATE public.user_presence SET is_online = true, "
        "last_seen = now() - interval '6 minutes' "
        "WHERE user_id = (SELECT user_id FROM public.user_presence ORDER BY user_id LIMIT 1)",
        status="warn",
        rows=({},),
    ),
    Case(
        id="invites-space",
        dirty="INSERT INTO public.invites (code) SELECT 'K' || upper(lpad(to_hex(n), 4, '0')) "
        "FROM generate_series(0, 65535) n ON CONFLICT DO NOTHING",
        status="crit",
        rows=({"codes": 65536},),
    ),
    Case(
        id="invites-count-mismatch",
        dirty=f"{NO_CHECKS}; UPDATE public.invites SET current_uses = current_uses - 1 WHERE id = "
        "(SELECT id FROM public.invites WHERE current_uses > 0 ORDER BY id LIMIT 1)",
        status="warn",
        rows=({"rule": "invites_uses_counted"},),
    ),
    Case(
        id="referral-mismatch",
        dirty=f"UPDATE public.profiles SET referred_by = id WHERE id = {OTHER}",
        status="warn",
        rows=({"rule": "profiles_referrer"}, {"rule": "profiles_referral_cycle"}),
    ),
    Case(
        id="auth-failures",
        dirty="UPDATE auth.users SET recovery_sent_at = now() - interval '20 minutes'",
        status="crit",
        rows=({"what": "codes were sent and not used", "failures": 200},),
    ),
    Case(
        id="auth-failures",  # each refresh of a token revokes the one before
        dirty="INSERT INTO auth.audit_log_entries (id, payload, created_at) SELECT gen_random_uuid(), "
        "'{\"action\": \"token_revoked\"}', now() - interval '1 minute' FROM generate_series(1, 100)",
        status="ok",
        rows=(),
    ),
    Case(
        id="auth-failures",
        dirty="INSERT INTO auth.audit_log_entries (id, payload, created_at) SELECT gen_random_uuid(), "
        "'{\"action\": \"user_repeated_signup\"}', now() - interval '1 minute' "
        "FROM generate_series(1, 11)",
        status="warn",
        rows=({"what": "sign-ups were repeated", "failures": 11},),
    ),
    Case(
        id="auth-profiles-mismatch",
        dirty=f"{NO_CHECKS}; DELETE FROM auth.users WHERE id = {OTHER}",
        status="warn",
        rows=({"rule": "accounts_profiles", "finding": "profile without login"},),
    ),
    Case(
        id="orphan-rows",
        dirty=f"{NO_CHECKS}; UPDATE public.recordings SET session_id = gen_random_uuid() WHERE id = "
        "(SELECT id FROM public.recordings LIMIT 1)",
        status="crit",
        rows=({"table_name": "public.recordings", "orphans": 1},),
    ),
    Case(
        id="realtime-publication",
        dirty="ALTER PUBLICATION supabase_realtime DROP TABLE public.sessions; "
        "ALTER PUBLICATION supabase_realtime ADD TABLE public.waitlist",
        status="warn",
        rows=(
            {
                "table_name": "public.sessions",
                "problem": "is not in the publication supabase_realtime",
            },
            {
                "table_name": "public.waitlist",
                "problem": "is sent to everybody: it has no row security",
            },
        ),
    ),
    Case(
        id="migrations",
        dirty="INSERT INTO supabase_migrations.schema_migrations (version) VALUES ('2026')",
        status="crit",
        rows=(
            {"version": "2026", "problem": "has a version that is no time stamp"},
            {"version": "20270101000000", "problem": "was not applied"},
        ),
        settings={"expected_migrations": "20250110090000 20270101000000"},
    ),
    Case(
        id="matchmaking-backlog",
        dirty="UPDATE public.matchmaking_suggestions SET status = 'pending', "
        "expires_at = now() - interval '1 minute'",
        status="warn",
        rows=({"status": "pending"},) * 49,
    ),
    # business
    Case(
        id="credits-balance-mismatch",
        dirty=f"UPDATE public.profiles SET credits_balance = credits_balance + 7 WHERE id = {USER}",
        status="crit",
        rows=({},),
    ),
    Case(
        id="credits-chain-broken",
        dirty="UPDATE public.credit_transactions SET balance_after = balance_after + 1 WHERE id = "
        "(SELECT id FROM public.credit_transactions WHERE type = 'spent_tipping' ORDER BY id LIMIT 1)",
        status="crit",
        rows=({},),
    ),
    Case(
        id="credits-totals-mismatch",
        dirty="UPDATE public.profiles SET total_credits_spent = total_credits_spent + 1 "
        f"WHERE id = {USER}",
        status="crit",
        rows=({},),
    ),
    Case(
        id="credits-negative",
        dirty="ALTER TABLE public.profiles DROP CONSTRAINT profiles_credits_balance_check; "
        f"UPDATE public.profiles SET credits_balance = -5 WHERE id = {USER}",
        status="crit",
        rows=({"kind": "profile", "balance": -5},),
    ),
    Case(
        id="credits-implausible",
        dirty=f"SELECT public.add_credits({USER}, 100000, 'admin_adjustment')",
        status="warn",
        rows=({"what": "balance"}, {"what": "payment admin_adjustment", "amount": 100000}),
    ),
    Case(
        id="credits-duplicates",
        dirty="INSERT INTO public.credit_transactions (user_id, amount, balance_after, type, "
        f"source_session_id) SELECT {USER}, 30, 30, 'earned_watching', {ENDED} "
        "FROM generate_series(1, 2)",
        status="warn",
        rows=({"type": "earned_watching", "amount": 30, "times": 2},),
    ),
    Case(
        id="credits-duplicates",  # twice, and once more when the day was over
        dirty="INSERT INTO public.credit_transactions (user_id, amount, balance_after, type, "
        f"source_session_id, created_at) SELECT {USER}, 30, 30, 'earned_watching', {ENDED}, "
        "now() - n * interval '1 hour' FROM unnest('{1,2,200}'::int[]) n",
        status="warn",
        rows=({"type": "earned_watching", "amount": 30, "times": 2},),
    ),
    Case(
        id="credits-duplicates",  # to tip the same person the same again is no fault; at once it is
        dirty="INSERT INTO public.credit_transactions (user_id, amount, balance_after, type, "
        f"source_session_id, created_at) SELECT {USER}, amount, 1, 'spent_tipping', {ENDED}, "
        "now() - seconds * interval '1 s' FROM (VALUES (-10, 60), (-10, 90), (-20, 200), (-20, 201)) "
        "AS v (amount, seconds)",
        status="warn",
        rows=({"type": "spent_tipping", "amount": -20, "times": 2},),
    ),
    Case(
        id="credits-unmatched-tips",
        dirty="DELETE FROM public.credit_transactions WHERE id = (SELECT id "
        "FROM public.credit_transactions WHERE type = 'received_tip' ORDER BY id LIMIT 1)",
        status="crit",
        rows=({},),
    ),
    Case(
        id="credits-milestones",
        dirty="DELETE FROM public.credit_milestones WHERE id = "
        "(SELECT id FROM public.credit_milestones ORDER BY id LIMIT 1)",
        status="crit",
        rows=({"credits_awarded": None},),
    ),
    Case(
        id="credits-session-mismatch",
        dirty="UPDATE public.sessions SET total_credits_distributed = total_credits_distributed + 9 "
        f"WHERE id = {ENDED}",
        status="crit",
        rows=({},),
    ),
    Case(
        id="credits-referrals",
        dirty=f"SELECT public.add_credits({USER}, 50, 'referral_bonus')",
        status="crit",
        rows=({},),
    ),
    Case(
        id="credits-recent",
        dirty=f"SELECT public.add_credits({USER}, 50, 'admin_adjustment')",
        status="ok",
        rows=(),
    ),
)
# Statistics and sessions: staged in test_sessions.py.
ELSEWHERE = frozenset(
    (
        "connections",
        "long-queries",
        "long-transactions",
        "blocking",
        "idle-in-transaction",
        "xmin-horizon",
        "cache-hit",
        "slow-statements",
        "temp-files",
        "rollbacks",
        "settings",
        "prepared-transactions",
        "schema-baseline",  # in test_commands.py
        "sizes",
        "seq-scans",
        "vacuum",
        "replication-slots",
        "stats-users",
        "stats-sessions",
        "stats-credits",
        "stats-recordings",
    )
)


def ask(connection: psycopg.Connection, case: Case) -> CheckResult:
    """Ask a diagnostic in the connection's own transaction."""
    (found,) = choose(load_library(), names=(case.id,))
    rule = found.rule
    for word in ("warn", "crit"):
        if f"{case.id}.{word}" in case.settings:
            rule = replace(rule, **{word: float(case.settings[f"{case.id}.{word}"])})
    diagnostic = replace(found, rule=rule)
    for name, value in case.settings.items():
        if name in diagnostic.params:
            connection.execute("SELECT set_config(%s, %s, true)", (f"kulti_ops.{name}", value))
    tables = []
    statements = [_counted(diagnostic, 500).text, diagnostic.evidence_sql]
    params = [_counted(diagnostic, 500).params, ()]
    for text, values in zip(statements, params, strict=True):
        if text:
            cursor = RawCursor(connection)
            cursor.execute(text.encode(), values or None)
            columns = tuple(c.name for c in cursor.description or ())
            tables.append(Table(columns=columns, rows=tuple(cursor.fetchall())))
    answer = _answer(tables[0], tables[1] if len(tables) > 1 else None)
    return judge(diagnostic, answer, accepted=load_accepted(), limit=500)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_diagnostic_dirty_finds_the_exact_rows(admin: psycopg.Connection, case: Case) -> None:
    if case.dirty:
        admin.execute("SET LOCAL allow_system_table_mods = on")
        admin.execute(case.dirty.encode())
        admin.execute("SET LOCAL session_replication_role = origin")
    result = ask(admin, case)
    only = case.settings.get("_only")
    found = [r for r in result.rows if r["level"] in ("warn", "crit")]
    if only is not None:
        found = [r for r in found if only in r.values()]
    shown = [{k: row.get(k) for k in want} for row, want in zip(found, case.rows, strict=False)]
    assert (result.status, len(found), sorted(shown, key=str)) == (
        case.status,
        len(case.rows),
        sorted(map(dict, case.rows), key=str),
    )
    if only is None:
        assert result.evidence["findings" if "findings" in result.evidence else "rows"] >= len(
            found
        )


def test_diagnostics_all_have_a_dirty_case() -> None:
    covered = {case.id for case in CASES} | ELSEWHERE
    assert {d.id for d in load_library()} - covered == set()


def test_diagnostics_of_a_clean_database_find_nothing(postgres: Connection) -> None:
    library = load_library()
    options = RunOptions(accepted=load_accepted(), deadline_s=60)
    results = run_checks(postgres, library, options=options).results
    assert [r for r in results if r.status not in ("ok", "skipped")] == []
    skipped = {r.id for r in results if r.status == "skipped"}
    assert skipped <= {
        "unused-indexes",
        "recordings-success-rate",
        "credits-recent",
        "cache-hit",
        "schema-baseline",
        "rollbacks",
    }
