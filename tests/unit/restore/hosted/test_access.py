"""What the vendor's tables let through in the project and did not at the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kulti_ops.report import Verdict
from kulti_ops.restore.hosted.access import access_changes
from kulti_ops.restore.hosted.explained import explaining
from kulti_ops.restore.hosted.residual import residual_sql
from kulti_ops.restore.hosted.restored import Restored, expected_items
from kulti_ops.restore.hosted.results import judge_access
from kulti_ops.verify.compare import compare_items, explain
from tests.unit.making import entry, inventory, item, toc
from tests.unit.restore.hosted.making import facts, fates, plan, step

if TYPE_CHECKING:
    from typing import Any

    from kulti_ops.inventory import Item

POLICY = {"command": "r", "permissive": "yes", "roles": "PUBLIC", "using": "(id = 1)"}
RIGHTS = "anon=SELECT/supabase_auth_admin"


def users(**more: str) -> Item:
    values = {"owner": "supabase_auth_admin", "acl": RIGHTS, "row_security": "true", **more}
    return item("table", "auth.users", 10, **values)


def policy(**more: str) -> Item:
    return item("policy", "mine on auth.users", 30, classid=3256, **{**POLICY, **more})


def trigger(**more: str) -> Item:
    values = {"definition": "CREATE TRIGGER a", "enabled": "O", "function_schema": "public"}
    return item("trigger", "mine on auth.users", 20, classid=2620, **{**values, **more})


def entries(desc: str, *, classid: int, oid: int) -> tuple[Any, ...]:
    return (
        entry(1, "TABLE", "users", namespace="auth", classid=1259, oid=10),
        entry(
            2,
            desc,
            "users mine",
            namespace="auth",
            classid=classid,
            oid=oid,
            dependencies=(1,),
            definition=f"CREATE {desc} mine;\n",
            drop_statement=f"DROP {desc} mine ON auth.users;\n",
        ),
    )


POLICIES = entries("POLICY", classid=3256, oid=30)
TRIGGERS = entries("TRIGGER", classid=2620, oid=20)


def test_policy_that_is_the_same_is_left_alone() -> None:
    source = inventory(users(), policy(comment="only here"))
    made = plan(*POLICIES, target=facts(users(), policy()), source=source)
    assert fates(made)[2] == ("skip", "exists")


@pytest.mark.parametrize(
    ("attribute", "other"),
    [
        ("command", "*"),
        ("permissive", "no"),
        ("roles", "anon"),
        ("using", "true"),
        ("with_check", "true"),
    ],
)
def test_policy_of_the_same_name_but_other_text_is_replaced_or_named(
    attribute: str, other: str
) -> None:
    there = policy(**{attribute: other})
    made = plan(*POLICIES, target=facts(users(), there), source=inventory(users(), policy()))
    assert fates(made)[2] == ("try", "vendor-policy-differs")
    assert step(made, 2).text == "DROP POLICY mine ON auth.users;\nCREATE POLICY mine;\n"
    assert "DROP POLICY mine ON auth.users;" in residual_sql(made)


def test_policy_that_could_not_be_replaced_is_a_difference_with_that_reason() -> None:
    there, source = policy(using="true"), inventory(users(), policy())
    made = plan(*POLICIES, target=facts(users(), there), source=source)
    reason = step(made, 2).rule.reason
    refused = Restored(toc=toc(*POLICIES), inventory=source, plan=made, refused={2: reason})
    assert _explained(refused, users(), there) == [reason]
    ran = Restored(toc=toc(*POLICIES), inventory=source, plan=made)
    assert _explained(ran, users(), there) == [""]
    assert _explained(ran, users(), policy()) == []


def _explained(done: Restored, *after: Item) -> list[str]:
    found = explain(compare_items(expected_items(done), after), explaining(done))
    return [d.explained for d in found]


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (trigger(), ("skip", "exists")),
        (trigger(definition="CREATE TRIGGER b"), ("lost", "custom-trigger-differs")),
        (trigger(enabled="D"), ("lost", "custom-trigger-differs")),
    ],
)
def test_trigger_of_the_customers_that_is_another_in_the_project_is_named(
    there: Item, expected: tuple[str, str]
) -> None:
    source = inventory(users(), trigger())
    made = plan(*TRIGGERS, target=facts(users(), there), source=source)
    assert fates(made)[2] == expected
    if expected[0] == "lost":
        done = Restored(toc=toc(*TRIGGERS), inventory=source, plan=made)
        assert set(_explained(done, users(), there)) == {step(made, 2).rule.reason}


def test_trigger_of_a_customer_that_calls_another_vendors_function_is_tried() -> None:
    """A vendor's own triggers call functions of their own schema."""
    for schema in ("pg_catalog", "extensions", "supabase_functions"):
        source = inventory(users(), trigger(function_schema=schema))
        made = plan(*TRIGGERS, target=facts(users(), schemas=(schema,)), source=source)
        assert fates(made)[2] == ("try", "vendor-function-trigger"), schema


SAME = (users(), policy())


@pytest.mark.parametrize(
    ("here", "says"),
    [
        (SAME, None),
        ((*SAME, item("policy", "new on auth.users", 31)), "POLICY new on auth.users"),
        ((users(row_security="false"), policy()), "ROW SECURITY of auth.users"),
        ((users(row_security="true forced"), policy()), "ROW SECURITY of auth.users"),
        ((users(acl=f"{RIGHTS}, anon=UPDATE/x"), policy()), "RIGHTS on table auth.users"),
        ((users(acl=f"{RIGHTS}, PUBLIC=UPDATE/x"), policy()), "RIGHTS on table auth.users"),
        # The vendor's own roles, and what the source's version did not know, open nothing.
        ((users(acl=f"{RIGHTS}, dashboard_user=UPDATE/x"), policy()), None),
        ((users(acl="anon=SELECT/other"), policy()), None),
        ((users(acl=f"{RIGHTS}, anon=MAINTAIN/x"), policy()), None),
        # A table that the source did not have holds nothing of it.
        ((*SAME, item("policy", "new on auth.fresh", 32)), None),
    ],
)
def test_what_the_project_lets_through_beyond_the_source_is_named(
    here: tuple[Item, ...], says: str | None
) -> None:
    found = access_changes(inventory(*SAME), facts(*here), source_major=16)
    assert [c.label for c in found.changes] == ([] if says is None else [says])
    judged = judge_access(found)
    assert judged.status is (Verdict.OK if says is None else Verdict.WARN)
    assert says is None or says in judged.summary


def test_row_security_that_the_project_lacks_comes_with_its_sql() -> None:
    here = facts(users(row_security="false"))
    (change,) = access_changes(inventory(users()), here, source_major=17).changes
    assert change.residual == "ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;"
    made = plan(POLICIES[0], target=here, source=inventory(users()))
    assert change.residual in residual_sql(made)


def test_access_to_nothing_is_not_called_the_same() -> None:
    assert judge_access(access_changes(inventory(), facts(), source_major=17)).status is (
        Verdict.SKIPPED
    )


def role(name: str, **flags: str) -> Item:
    return item("role", name, classid=1260, **{"superuser": "no", "bypassrls": "no", **flags})


def member(group: str, name: str) -> Item:
    return item("membership", f"{group} to {name}", classid=1261, role=group, member=name)


@pytest.mark.parametrize(
    ("here", "says"),
    [
        ((role("anon", bypassrls="yes"),), ["ROLE anon"]),
        ((role("mine", superuser="yes"),), ["ROLE mine"]),
        ((role("supabase_admin", superuser="yes"),), []),
        ((role("new", superuser="yes"),), []),
        ((member("service_role", "anon"),), ["MEMBERSHIP service_role to anon"]),
        ((member("mine", "anon"),), []),
        ((member("service_role", "supabase_admin"),), []),
    ],
)
def test_role_that_everybody_can_be_and_that_may_do_more_here_is_named(
    here: tuple[Item, ...], says: list[str]
) -> None:
    source = (role("anon"), role("mine"), role("supabase_admin"), member("mine", "anon"))
    found = access_changes(inventory(*source), facts(*here), source_major=17)
    assert [c.label for c in found.changes] == says
