"""The verdicts of a hosted restore."""

from __future__ import annotations

from kulti_ops.report import Verdict
from kulti_ops.restore.hosted.execute import HostedOutcome
from kulti_ops.restore.hosted.load import ColumnLoss
from kulti_ops.restore.hosted.results import judge_losses, judge_run
from kulti_ops.restore.tool import EntryError
from tests.unit.making import entry, inventory, item
from tests.unit.restore.hosted.making import facts, plan, step


def test_run_that_committed_is_ok_and_one_that_did_not_is_crit() -> None:
    assert judge_run(HostedOutcome(entries=3, committed=True)).status is Verdict.OK
    undone = judge_run(HostedOutcome(entries=3))
    assert undone.status is Verdict.CRIT
    assert "comparison" in undone.summary


def test_run_with_an_error_names_entry_and_sqlstate() -> None:
    error = EntryError(label="TABLE public.t", message="no", sqlstate="42P07")
    found = judge_run(HostedOutcome(errors=[error]))
    assert found.status is Verdict.CRIT
    assert "TABLE public.t: no (42P07)" in found.summary
    assert found.rows == ({"entry": "TABLE public.t", "message": "no", "sqlstate": "42P07"},)


def test_losses_are_ok_when_there_are_none() -> None:
    made = plan(entry(1, "TABLE", "t"), target=facts())
    assert judge_losses(made, HostedOutcome()).status is Verdict.OK


def test_losses_of_every_kind_are_warned_of_one_by_one() -> None:
    made = plan(
        entry(1, "TABLE DATA", "secrets", namespace="vault"),
        entry(2, "POLICY", "users p", namespace="auth"),
        entry(3, "TABLE", "t", owner="supabase_admin", drop_statement="DROP TABLE t;"),
        target=facts(),
    )
    outcome = HostedOutcome(
        refused=[(step(made, 2), "42501")],
        refused_roles=["MEMBERSHIP a to b"],
        losses=[
            ColumnLoss(table="auth.users", column="phone", values=7),
            ColumnLoss(table="auth.users", column="empty", values=0),
        ],
    )
    found = judge_losses(made, outcome)
    assert found.status is Verdict.WARN
    assert [r["entry"] for r in found.rows] == [
        "TABLE DATA vault.secrets",
        "POLICY auth.users p",
        "COLUMN auth.users.phone",
        "MEMBERSHIP a to b",
        "TABLE public.t",
    ]
    assert "7 values" in found.rows[2]["reason"]
    assert found.rows[1]["sqlstate"] == "42501"


def test_passwords_and_settings_of_roles_are_named_although_nothing_was_refused() -> None:
    settings = {"role": "authenticated", "settings": "{statement_timeout=1s}"}
    source = inventory(
        item("role", "with_login", login="yes"),
        item("role", "without_login", login="no"),
        item("setting", "of authenticated", **settings),
    )
    made = plan(target=facts(), source=source)
    found = judge_losses(made, HostedOutcome())
    assert found.status is Verdict.WARN
    assert [r["entry"] for r in found.rows] == ["PASSWORD with_login", "SETTING of authenticated"]
