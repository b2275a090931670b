"""Incidents of the platform's data: recordings, the ledger, sessions, invites, references."""

from __future__ import annotations

from kulti_ops.sandbox.faults.scenario import Scenario, by_statements

_COMPLETED = (
    "id IN (SELECT id FROM public.recordings WHERE status = 'completed' ORDER BY id LIMIT 12)"
)
_LOST = (
    "id IN (SELECT id FROM public.recordings WHERE status = 'completed' ORDER BY id DESC LIMIT 3)"
)
_RICH = (
    "id IN (SELECT user_id FROM public.credit_transactions GROUP BY user_id ORDER BY user_id"
    " LIMIT 3)"
)
_ZOMBIES = "room_code IN ('FLOW-ZZ01', 'FLOW-ZZ02', 'FLOW-ZZ03')"

SCENARIOS = (
    Scenario(
        name="stuck-recordings",
        title="recordings whose webhook never changed anything",
        look="kulti-ops runbook check recordings-stuck",
        stage=by_statements(
            "UPDATE public.recordings SET status = 'processing', recording_url = NULL,"  # noqa: S608 - ours
            f" updated_at = now() - interval '3 hours' WHERE {_COMPLETED}",
            keep=(("public.recordings", _COMPLETED),),
        ),
    ),
    Scenario(
        name="broken-ledger",
        title="balances that somebody wrote past the ledger",
        look="kulti-ops runbook check --group business",
        stage=by_statements(
            f"UPDATE public.profiles SET credits_balance = credits_balance + 500 WHERE {_RICH}",  # noqa: S608
            keep=(("public.profiles", _RICH),),
        ),
    ),
    Scenario(
        name="zombie-sessions",
        title="live sessions that everybody has left",
        look="kulti-ops runbook check sessions-zombie",
        stage=by_statements(
            "INSERT INTO public.sessions"
            " (room_code, title, host_id, status, started_at, created_at)"
            " SELECT 'FLOW-ZZ0' || n, 'left behind',"
            " (SELECT min(id::text)::uuid FROM public.profiles),"
            " 'live', now() - interval '20 hours', now() - interval '20 hours'"
            " FROM generate_series(1, 3) n",
            undo=(f"DELETE FROM public.sessions WHERE {_ZOMBIES}",),  # noqa: S608 - our own texts
        ),
    ),
    Scenario(
        name="invites-full",
        title="every possible invite code is taken",
        look="kulti-ops runbook check invites-space",
        stage=by_statements(
            "INSERT INTO public.invites (code, metadata)"
            " SELECT 'K' || upper(lpad(to_hex(n), 4, '0')), '{\"fault\": true}'"
            " FROM generate_series(0, 65535) n ON CONFLICT DO NOTHING",
            undo=(
                "DELETE FROM public.invites WHERE metadata = '{\"fault\": true}'",
                "VACUUM ANALYZE public.invites",
            ),
        ),
    ),
    Scenario(
        name="orphans",
        title="recordings of sessions that are not there",
        look="kulti-ops runbook check orphan-rows",
        stage=by_statements(
            f"UPDATE public.recordings SET session_id = gen_random_uuid() WHERE {_LOST}",  # noqa: S608
            keep=(("public.recordings", _LOST),),
        ),
    ),
)
