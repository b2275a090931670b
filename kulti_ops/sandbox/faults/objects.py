"""Incidents of objects and rights: indexes, row security, triggers, slots, bloat."""

from __future__ import annotations

from kulti_ops.sandbox.faults.scenario import Scenario, by_failing, by_statements

_BLOATED = "edge_cases.fault_bloat"

SCENARIOS = (
    Scenario(
        name="bloat",
        title="a table that is nearly all holes",
        look="kulti-ops runbook check bloat",
        stage=by_statements(
            f"CREATE TABLE {_BLOATED} (id integer, note text)",
            f"INSERT INTO {_BLOATED} SELECT n, repeat('x', 400) FROM generate_series(1, 160000) n",  # noqa: S608
            f"DELETE FROM {_BLOATED} WHERE id % 20 <> 0",  # noqa: S608
            # else the deletions would be counted after the VACUUM, as if it had left them
            "SELECT pg_stat_force_next_flush()",
            f"VACUUM ANALYZE {_BLOATED}",
            undo=(f"DROP TABLE {_BLOATED}",),
        ),
    ),
    Scenario(
        name="invalid-index",
        title="a concurrent index build that failed",
        look="kulti-ops runbook check invalid-indexes",
        stage=by_failing(
            "CREATE UNIQUE INDEX CONCURRENTLY fault_invalid ON public.session_participants (role)",
            undo=("DROP INDEX public.fault_invalid",),
        ),
    ),
    Scenario(
        name="rls-off",
        title="row security switched off on profiles",
        look="kulti-ops runbook check rls-disabled",
        stage=by_statements(
            "ALTER TABLE public.profiles DISABLE ROW LEVEL SECURITY",
            undo=("ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY",),
        ),
    ),
    Scenario(
        name="anon-grant",
        title="a policy that lets everybody write recordings",
        look="kulti-ops runbook check anon-writable",
        stage=by_statements(
            "CREATE POLICY fault_open ON public.recordings FOR ALL TO anon"
            " USING (true) WITH CHECK (true)",
            undo=("DROP POLICY fault_open ON public.recordings",),
        ),
    ),
    Scenario(
        name="disabled-trigger",
        title="a trigger that a restore left switched off",
        look="kulti-ops runbook check disabled-triggers",
        stage=by_statements(
            "ALTER TABLE public.recordings DISABLE TRIGGER update_recordings_updated_at",
            undo=("ALTER TABLE public.recordings ENABLE TRIGGER update_recordings_updated_at",),
        ),
    ),
    Scenario(
        name="dead-slot",
        title="a replication slot that nobody reads",
        look="KULTI_OPS_THRESHOLDS=slot_max_inactive_minutes=0 "
        "kulti-ops runbook check replication-slots",
        stage=by_statements(
            "SELECT pg_create_logical_replication_slot('fault_dead_slot', 'pgoutput')",
            undo=("SELECT pg_drop_replication_slot('fault_dead_slot')",),
        ),
    ),
)
