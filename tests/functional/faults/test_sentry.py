"""Row data that a server's error carries: searched for in all that leaves, Sentry included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops import telemetry
from tests.functional.faults.stage import do_at
from tests.functional.faults.test_schedule import receiver
from tests.functional.faults.test_target import CANARY, LEAKY

if TYPE_CHECKING:
    from collections.abc import Callable

    Note = Callable[[object], None]

    from tests.functional.conftest import Database
    from tests.functional.faults.stage import Stage

ONCE = f"""
CREATE TABLE public.once (body text UNIQUE);
INSERT INTO public.once VALUES ('{CANARY}');
"""


def sample_everything() -> None:
    telemetry.TRACE_SAMPLE_RATE = 1.0


@pytest.mark.fault("row data in a server's error detail")
def test_row_data_of_a_failed_drill_reaches_no_receiver(
    stage: Stage, small_copy: Callable[[], Database], outcome: Note
) -> None:
    own = small_copy()
    with psycopg.connect(own.url) as connection:
        connection.execute(LEAKY)
    textfiles = stage.root / "textfiles"
    textfiles.mkdir()
    with receiver() as told:
        done = stage.forked(
            *("backup", "schedule", "run", "drill", "--format", "json", "--debug"),
            prepare=sample_everything,
            DATABASE_URL=own.url,
            KULTI_OPS_TEXTFILE_DIR=str(textfiles),
            **told.settings,
        )
    assert done.code == 10
    assert done.verdicts["drill"] == "crit"
    kinds = {kind for kind, _ in told.items()}
    assert kinds == {"transaction", "check_in"}
    assert b"drill: crit" in told.pings()[-1].body
    kept = [path for path in (stage.root / "state").rglob("*") if path.is_file()]
    assert kept
    texts = [done.out, done.err, *told.texts(), *(path.read_text() for path in kept)]
    texts += [path.read_text() for path in textfiles.iterdir()]
    assert [text for text in texts if CANARY in text] == []
    outcome(f"{len(told.items())} items of Sentry's and {len(told.pings())} pings searched")


@pytest.mark.fault("row data in a server's error detail")
@pytest.mark.parametrize(
    ("command", "spot"),
    [
        (("backup", "create"), "kulti_ops.backup.create:best_compression"),
        (("verify", "backup"), "kulti_ops.verify.backup:verify_backup"),
        (
            ("restore", "run", "--target", "env:RESTORE_URL", "--create-roles", "--yes"),
            "kulti_ops.restore.run:run_restore",
        ),
    ],
    ids=["create", "verify", "restore"],
)
def test_row_data_of_an_error_that_nobody_expected_reaches_no_receiver(
    command: tuple[str, ...],
    spot: str,
    damaged: Stage,
    empty_database: Callable[[], Database],
) -> None:
    server = empty_database()
    with psycopg.connect(server.url) as connection:
        connection.execute(ONCE)

    def fail_with_a_row() -> None:
        """Raise what the driver raises: twice, the second while the first is handled."""
        try:
            run(server.url, f"INSERT INTO public.once VALUES ('{CANARY}')")
        except psycopg.errors.UniqueViolation:
            run(server.url, f"SELECT '{CANARY}'::integer")

    def prepare() -> None:
        sample_everything()
        do_at(spot, fail_with_a_row)()

    target = empty_database()
    with receiver() as told:
        done = damaged.forked(
            *(*command, "--debug", "--format", "json"),
            prepare=prepare,
            RESTORE_URL=target.url,
            **told.settings,
        )
    assert done.code == 1, done.err
    events = [item for kind, item in told.items() if kind == "event"]
    (event,) = events
    errors = event["exception"]["values"]
    assert {"UniqueViolation", "InvalidTextRepresentation"} <= {e["type"] for e in errors}
    assert "Traceback" in done.err
    assert "InvalidTextRepresentation" in done.err
    assert [text for text in (done.out, done.err, *told.texts()) if CANARY in text] == []


def run(url: str, statement: str) -> None:
    with psycopg.connect(url, connect_timeout=10) as connection:
        connection.execute(statement)
