"""The restore plan: what happens to each entry."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.restore.plan import Action, TargetFacts, plan_restore
from kulti_ops.restore.toc import dependants
from tests.unit.making import entry, inventory, item, toc

ARCHIVE = toc(
    entry(1, "ENCODING"),
    entry(2, "DATABASE", "postgres"),
    entry(3, "SCHEMA", "auth"),
    entry(4, "EXTENSION", "vector"),
    entry(5, "COMMENT", "EXTENSION vector", dependencies=(4,)),
    entry(6, "TABLE", "embeddings", dependencies=(4,)),
    entry(7, "TABLE DATA", "embeddings", dependencies=(6,)),
    entry(8, "TABLE", "profiles"),
    entry(9, "EVENT TRIGGER", "watch"),
    entry(10, "ACL", "TABLE profiles", dependencies=(8,)),
    entry(11, "MATERIALIZED VIEW DATA", "totals"),
    entry(12, "ACL", "DATABASE postgres"),
)
ROLES = inventory(item("role", "anon"), item("role", '"odd ""role"""'))


def facts(*, scratch: bool, extensions: tuple[str, ...] = ()) -> TargetFacts:
    return TargetFacts(
        server_major=17,
        superuser=not scratch,
        roles=frozenset({"anon"}),
        extensions_available=frozenset(extensions),
        scratch=scratch,
    )


def actions(*, scratch: bool, extensions: tuple[str, ...] = ()) -> dict[int, Action]:
    plan = plan_restore(ARCHIVE, ROLES, facts(scratch=scratch, extensions=extensions))
    return {s.entry.dump_id: s.action for s in plan.steps}


def test_plan_for_a_superuser_loads_everything_and_grants_last() -> None:
    done = actions(scratch=False, extensions=("vector",))
    assert {i for i, a in done.items() if a is Action.SKIP} == {1, 2, 12}
    assert done[10] is Action.RIGHTS
    assert done[11] is Action.REFRESH
    assert done[9] is Action.LOAD


def test_plan_for_a_scratch_server_leaves_out_what_needs_a_superuser_with_the_reason() -> None:
    plan = plan_restore(ARCHIVE, ROLES, facts(scratch=True, extensions=("vector",)))
    reasons = {s.entry.dump_id: s.reason for s in plan.explained}
    assert "superuser" in reasons[9]
    assert {s.entry.dump_id for s in plan.steps if s.action is Action.PREPARE} == {3, 4}


def test_plan_leaves_out_an_absent_extension_with_all_that_depends_on_it() -> None:
    plan = plan_restore(ARCHIVE, ROLES, facts(scratch=True))
    left_out = {s.entry.dump_id for s in plan.explained}
    assert {4, 6, 7} <= left_out
    assert 8 not in left_out
    assert plan.missing_extensions == ()


def test_plan_does_not_explain_an_extension_that_nobody_knows() -> None:
    archive = toc(entry(4, "EXTENSION", "homemade"))
    assert plan_restore(archive, ROLES, facts(scratch=True)).missing_extensions == ("homemade",)


def test_plan_names_roles_that_the_target_lacks() -> None:
    plan = plan_restore(ARCHIVE, ROLES, facts(scratch=False))
    assert plan.missing_roles == ('odd "role"',)
    assert plan.missing_extensions == ("vector",)


@given(st.lists(st.lists(st.integers(0, 11), max_size=3), min_size=12, max_size=12))
def test_dependants_hold_all_that_reaches_a_root(needs: list[list[int]]) -> None:
    archive = toc(*(entry(i, "TABLE", dependencies=tuple(n)) for i, n in enumerate(needs)))
    found = dependants(archive, [0])
    assert 0 in found
    for number, needed in enumerate(needs):
        assert (number in found) == (number == 0 or bool(found & set(needed)))
