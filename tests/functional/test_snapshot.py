"""What may change under a snapshot, and what is noticed of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.backup.snapshot import DriftError, Snapshot, hold_snapshot, take_expectations
from kulti_ops.db import own_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kulti_ops.db import Target
    from kulti_ops.inventory import Inventory
    from tests.functional.conftest import Database

SWAPPED = "CREATE OR REPLACE FUNCTION public.answer() RETURNS integer LANGUAGE sql AS 'SELECT {}'"


@contextmanager
def held(target: Target) -> Iterator[Snapshot]:
    with hold_snapshot(target, lock_wait_s=5, left_out=(), timeout_s=10) as snapshot:
        yield snapshot


def take(snapshot: Snapshot, target: Target) -> Inventory:
    return take_expectations(
        snapshot,
        target,
        timeout_s=10,
        session={},
        count=lambda _table: False,
        pause=lambda: None,
    )


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        SWAPPED.format(43),
        "ALTER FUNCTION public.answer() IMMUTABLE",
        "DROP FUNCTION public.answer()",
    ],
)
def test_function_that_changes_after_the_snapshot_is_drift(
    sandbox_copy: Callable[[], Database], statement: str
) -> None:
    own = sandbox_copy()
    execute(own.url, SWAPPED.format(42))
    target = own_target(own.url, "the test's own")
    with held(target) as snapshot:
        execute(own.url, statement)
        with pytest.raises(DriftError, match="a function was changed"):
            take(snapshot, target)
    with held(target) as snapshot:
        take(snapshot, target)


def test_function_that_is_new_after_the_snapshot_is_none_of_it(
    sandbox_copy: Callable[[], Database],
) -> None:
    own = sandbox_copy()
    target = own_target(own.url, "the test's own")
    with held(target) as snapshot:
        execute(own.url, SWAPPED.format(42))
        items = take(snapshot, target).items
    assert "public.answer()" not in {item.identity for item in items}


def test_function_that_cannot_be_looked_at_again_is_no_failure(
    sandbox_copy: Callable[[], Database],
) -> None:
    own = sandbox_copy()
    execute(own.url, SWAPPED.format(42))
    target = own_target(own.url, "the test's own")
    with held(target) as snapshot:
        execute(own.url, SWAPPED.format(43))
        execute(own.admin_url, f"ALTER DATABASE {own.name} CONNECTION LIMIT 0")
        assert take(snapshot, target).items
