"""Differences after a hosted restore: each rule explains its own reason and nothing wider."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.explained import (
    KEPT_PUBLICATION,
    NO_SUCH_PART,
    VIEW_TEXT,
    explaining,
)
from kulti_ops.restore.hosted.explained_rights import (
    CREATOR,
    KEPT_OWNER,
    NO_CREATOR,
    NO_MAINTAIN,
    NO_OPTIONS,
    REFUSED_ROLE,
)
from kulti_ops.restore.hosted.restored import Restored, expected_items
from kulti_ops.restore.hosted.role_plan import RolePlan
from kulti_ops.restore.hosted.step import Step
from kulti_ops.verify.compare import ABSENT, PRESENT, TARGETS_OWN, compare_items, explain
from tests.unit.making import entry, inventory, item, toc
from tests.unit.restore.hosted.making import facts, plan

if TYPE_CHECKING:
    from kulti_ops.archive import Entry
    from kulti_ops.inventory import Item
    from kulti_ops.verify.compare import Difference

OWN = "postgres=SELECT/postgres"


def restored(
    *source: Item,
    before: tuple[Item, ...] = (),
    entries: tuple[Entry, ...] = (),
    version_num: int = 170006,
    steps: tuple[Step, ...] | None = None,
    created: tuple[str, ...] = (),
    absent: tuple[str, ...] = (),
    kept_owners: tuple[tuple[Entry, str], ...] = (),
    **more: Any,
) -> Restored:
    """Make what a restore planned and did, from the objects on both sides."""
    target = facts(*before, version_num=version_num)
    made = plan(*entries, target=target, source=inventory(*source))
    roles = RolePlan(create=tuple(item("role", name) for name in created), absent=absent)
    made = replace(made, roles=roles, kept_owners=kept_owners, steps=steps or made.steps)
    return Restored(toc=toc(*entries), inventory=inventory(*source), plan=made, **more)


def differences(done: Restored, *after: Item) -> dict[str, str]:
    """Compare as the command does; return each difference's reason by its label."""
    found = explain(compare_items(expected_items(done), after), explaining(done))
    return {label(d): d.explained for d in found}


def label(difference: Difference) -> str:
    what = {ABSENT: "missing", PRESENT: "new"}.get(difference.target or "", difference.attribute)
    return f"{difference.kind} {difference.identity}: {what}"


def table(name: str = "auth.users", objid: int = 10, **attributes: str) -> Item:
    return item("table", name, objid, **{"owner": "supabase_auth_admin", **attributes})


def test_vendors_object_is_explained_as_long_as_it_is_as_before() -> None:
    done = restored(table(comment="old"), before=(table(comment="new"),))
    assert differences(done, table(comment="new")) == {"table auth.users: comment": TARGETS_OWN}
    assert differences(done, table(comment="changed")) == {"table auth.users: comment": ""}


def test_vendors_object_that_only_the_target_has_may_not_change_either() -> None:
    done = restored(before=(table(acl=OWN),))
    assert differences(done, table(acl=OWN)) == {}
    assert differences(done, table(acl=f"{OWN}, anon=SELECT/postgres")) == {
        "table auth.users: acl": ""
    }
    assert differences(done) == {"table auth.users: missing": ""}


def test_vendors_part_is_explained_only_where_the_target_never_had_it() -> None:
    column = item("column", "auth.users.gone", 10, classid=1249)
    never = restored(table(), column, before=(table(),))
    assert differences(never, table()) == {"column auth.users.gone: missing": NO_SUCH_PART}
    had = restored(table(), column, before=(table(), column))
    assert differences(had, table()) == {"column auth.users.gone: missing": ""}


@pytest.mark.parametrize("kind", ["policy", "trigger"])
def test_vendors_table_does_not_explain_what_customers_put_on_it(kind: str) -> None:
    there = entry(1, "TABLE", "users", namespace="auth", classid=1259, oid=10)
    mine = item(kind, "mine on auth.users", 11, classid=1)
    done = restored(table(), mine, before=(table(),), entries=(there,))
    assert differences(done, table()) == {f"{kind} mine on auth.users: missing": ""}


def test_vendors_rights_are_those_of_before_and_the_customers_on_top() -> None:
    ours, theirs = "kulti_reader=SELECT/postgres", "anon=SELECT/supabase_auth_admin"
    done = restored(
        table(acl=f"{OWN}, {ours}, {theirs}"), before=(table(acl=OWN),), created=("kulti_reader",)
    )
    assert differences(done, table(acl=f"{OWN}, {ours}")) == {"table auth.users: acl": TARGETS_OWN}
    for wrong in (
        OWN,
        f"{OWN}, {ours}, PUBLIC=SELECT/postgres",
        f"{OWN}, {ours.replace('=', '=UPDATE, x=')}",
    ):
        assert differences(done, table(acl=wrong)) == {"table auth.users: acl": ""}


def test_own_default_privileges_of_the_target_must_be_gone() -> None:
    mine = item("default privileges", "for postgres in public on r", acl="anon=SELECT/postgres")
    theirs = item("default privileges", "for supabase_admin in public on r", acl="anon=x/y")
    done = restored(before=(mine, theirs))
    assert differences(done, theirs) == {}
    assert differences(done, mine, theirs) == {
        "default privileges for postgres in public on r: new": ""
    }


def test_own_publication_of_the_target_that_the_backup_lacks_is_its_own() -> None:
    publication = item("publication", "supabase_realtime", owner="postgres", tables="public.a")
    done = restored(before=(publication,))
    assert differences(done, publication) == {}


def test_left_out_object_is_explained_by_its_own_entry() -> None:
    lost = entry(1, "EXTENSION", "postgis", namespace="", classid=3079, oid=5)
    done = restored(
        item("extension", "postgis", 5, classid=3079), table("public.a", 6), entries=(lost,)
    )
    assert differences(done) == {
        "extension postgis: missing": rules.NO_EXTENSION.reason,
        "table public.a: missing": "",
    }


def test_comment_is_explained_only_when_it_is_gone() -> None:
    policy = entry(1, "POLICY", "users mine", namespace="auth", classid=3256, oid=11)
    about = entry(2, "COMMENT", "POLICY mine ON users", namespace="auth", dependencies=(1,))
    source = item("policy", "mine on auth.users", 11, classid=3256, comment="why", using="true")
    steps = (
        Step(entry=policy, rule=rules.POLICY),
        Step(entry=about, rule=rules.COMMENT_OWNER),
    )
    done = restored(source, entries=(policy, about), steps=steps)
    after = item("policy", "mine on auth.users", 11, using="true")
    assert differences(done, after) == {
        "policy mine on auth.users: comment": rules.COMMENT_OWNER.reason
    }
    other = item("policy", "mine on auth.users", 11, using="false", comment="other")
    assert set(differences(done, other).values()) == {""}


def test_kept_owner_explains_the_owner_and_the_same_rights_under_the_other_name() -> None:
    made = entry(1, "TABLE", "a", classid=1259, oid=6)
    source = table("public.a", 6, owner="other", acl="other=SELECT/other, anon=SELECT/other")
    done = restored(source, entries=(made,), kept_owners=((made, "other"),))
    acl = "postgres=SELECT/postgres, anon=SELECT/postgres"
    kept = table("public.a", 6, owner="postgres", acl=acl)
    assert set(differences(done, kept).values()) == {KEPT_OWNER}
    gained = table("public.a", 6, owner="postgres", acl=f"{acl}, PUBLIC=SELECT/postgres")
    assert differences(done, gained) == {
        "table public.a: acl": "",
        "table public.a: owner": KEPT_OWNER,
    }
    stranger = table("public.a", 6, owner="anon", acl=source.attributes["acl"] or "")
    assert differences(done, stranger) == {"table public.a: owner": ""}


def test_kept_owner_explains_the_same_rights_where_one_server_knows_more_of_them() -> None:
    made = entry(1, "TABLE", "a", classid=1259, oid=6)
    source = table("public.a", 6, owner="other", acl="other=SELECT/other, other=MAINTAIN/other")
    kept = table("public.a", 6, owner="postgres", acl="postgres=SELECT/postgres")
    old = restored(source, entries=(made,), kept_owners=((made, "other"),), version_num=150008)
    assert set(differences(old, kept).values()) == {KEPT_OWNER}
    new = restored(source, entries=(made,), kept_owners=((made, "other"),))
    assert differences(new, kept)["table public.a: acl"] == ""


def test_attribute_of_a_new_role_is_explained_only_when_it_was_refused() -> None:
    source = item("role", "mine", bypassrls="yes", login="yes")
    done = restored(source, created=("mine",))
    after = item("role", "mine", bypassrls="no", login="yes")
    assert set(differences(done, after).values()) == {""}
    refused = replace(done, refused_roles=frozenset({"ROLE mine BYPASSRLS"}))
    assert set(differences(refused, after).values()) == {REFUSED_ROLE}
    other = item("role", "mine", bypassrls="yes", login="no")
    assert set(differences(refused, other).values()) == {""}


def test_kept_owner_of_a_group_of_large_objects_explains_each_of_them() -> None:
    group = entry(1, "BLOB METADATA", definition="7\n8\n", classid=2613, oid=7)
    source = [item("large object", n, int(n), classid=2613, owner="other") for n in ("7", "8")]
    done = restored(*source, entries=(group,), kept_owners=((group, "other"),))
    after = [item("large object", n, owner="postgres") for n in ("7", "8")]
    assert set(differences(done, *after).values()) == {KEPT_OWNER}


def test_rights_of_absent_roles_are_explained_and_no_others() -> None:
    source = table("public.a", 6, acl=f"{OWN}, gone=SELECT/postgres, anon=SELECT/postgres")
    done = restored(source, absent=("gone",))
    after = table("public.a", 6, acl=f"{OWN}, anon=SELECT/postgres")
    assert differences(done, after) == {"table public.a: acl": rules.GONE_ROLES.reason}
    assert differences(done, table("public.a", 6, acl=OWN)) == {"table public.a: acl": ""}


def test_leakproof_explains_the_loss_of_that_word_only() -> None:
    made = entry(1, "FUNCTION", "f()", classid=1255, oid=7)
    head, tail = "CREATE FUNCTION public.f()\n LANGUAGE sql\n IMMUTABLE", "\nAS $$SELECT 1$$"
    source = item("function", "public.f()", 7, classid=1255, definition=f"{head} LEAKPROOF{tail}")
    steps = (Step(entry=made, rule=rules.LEAKPROOF),)
    done = restored(source, entries=(made,), steps=steps)
    same = item("function", "public.f()", definition=f"{head}{tail}")
    assert differences(done, same) == {"function public.f(): definition": rules.LEAKPROOF.reason}
    other = item("function", "public.f()", definition=f"{head}\nAS $$SELECT 2$$")
    assert differences(done, other) == {"function public.f(): definition": ""}


def test_dangling_key_is_explained_as_the_same_key_that_is_not_valid() -> None:
    made = entry(1, "FK CONSTRAINT", "a a_fkey", classid=2606, oid=8)
    text = "FOREIGN KEY (b) REFERENCES auth.users(id)"
    source = item(
        "foreign key", "a_fkey on public.a", 8, classid=2606, definition=text, validated="yes"
    )
    steps = (Step(entry=made, rule=rules.DANGLING),)
    done = restored(source, entries=(made,), steps=steps)
    after = {"validated": "no", "definition": f"{text} NOT VALID"}
    found = differences(done, item("foreign key", "a_fkey on public.a", **after))
    assert set(found.values()) == {rules.DANGLING.reason}
    after["definition"] = "FOREIGN KEY (c) REFERENCES auth.users(id) NOT VALID"
    found = differences(done, item("foreign key", "a_fkey on public.a", **after))
    assert found["foreign key a_fkey on public.a: definition"] == ""


def test_refused_refresh_explains_an_empty_view() -> None:
    made = entry(1, "MATERIALIZED VIEW", "m", classid=1259, oid=9)
    refresh = entry(2, "MATERIALIZED VIEW DATA", "m", dependencies=(1,))
    source = item("materialized view", "public.m", 9, populated="true")
    after = item("materialized view", "public.m", populated="false")
    entries = (made, refresh)
    refused = restored(source, entries=entries, refused={2: "refused"})
    assert differences(refused, after) == {"materialized view public.m: populated": "refused"}
    ran = restored(source, entries=entries)
    assert differences(ran, after) == {"materialized view public.m: populated": ""}


def test_publication_may_lack_only_tables_that_are_lost() -> None:
    extension = entry(1, "EXTENSION", "postgis", namespace="", classid=3079, oid=5)
    lost = entry(2, "TABLE", "a", classid=1259, oid=6, dependencies=(1,))
    source = item("publication", "p", 4, classid=6104, tables="public.a (id); public.b; public.c")
    done = restored(source, table("public.a", 6), entries=(extension, lost))
    reasons = differences(done, item("publication", "p", tables="public.b; public.c"))
    assert reasons["publication p: tables"].startswith(rules.DEPENDS.reason)
    for wrong in ("public.b", "public.b; public.c; public.d"):
        found = differences(done, item("publication", "p", tables=wrong))
        assert found["publication p: tables"] == ""


def test_views_are_explained_only_where_the_target_says_they_are_the_same() -> None:
    was, now = item("view", "public.v", definition="a"), item("view", "public.v", definition="b")
    assert differences(restored(was), now) == {"view public.v: definition": ""}
    done = restored(was, same_views=frozenset({was.key}))
    assert differences(done, now) == {"view public.v: definition": VIEW_TEXT}


@pytest.mark.parametrize(("version_num", "reason"), [(150005, NO_MAINTAIN), (170006, "")])
def test_maintain_is_explained_between_versions_only(version_num: int, reason: str) -> None:
    was = table("public.a", 6, acl=f"{OWN}, anon=MAINTAIN/postgres")
    done = restored(was, version_num=version_num)
    assert differences(done, table("public.a", 6, acl=OWN)) == {"table public.a: acl": reason}
    assert differences(done, table("public.a", 6, acl="")) == {"table public.a: acl": ""}


def membership(**options: str) -> Item:
    ends = {"role": "mine", "member": "postgres"}
    return item("membership", "mine to postgres", **ends, **options)


def test_memberships_of_the_maker_are_explained_by_version() -> None:
    admin = membership(admin="yes", inherit="no", set="no")
    new = restored(item("role", "mine"), created=("mine",))
    role = item("role", "mine")
    assert differences(new, role, admin) == {"membership mine to postgres: new": CREATOR}
    old = restored(role, admin, created=("mine",), version_num=150005)
    assert differences(old, role) == {"membership mine to postgres: missing": NO_CREATOR}
    assert set(differences(old, role, membership(admin="yes")).values()) == {NO_OPTIONS}
    full = restored(role, membership(admin="yes", set="yes"), created=("mine",), version_num=150005)
    assert differences(full, role) == {"membership mine to postgres: missing": ""}


def test_administering_a_new_role_is_explained_where_its_maker_cannot_help_it() -> None:
    role = item("role", "mine")
    was = membership(admin="no", inherit="yes", set="yes")
    admin = membership(admin="yes", inherit="yes", set="yes")
    found = "membership mine to postgres: admin"
    new = restored(role, was, created=("mine",))
    assert differences(new, role, admin) == {found: CREATOR}
    lost = restored(role, admin, created=("mine",))
    assert differences(lost, role, was) == {found: ""}
    old = restored(role, was, created=("mine",), version_num=150005)
    assert differences(old, role, admin) == {found: ""}
    gained = restored(role, created=("mine",), version_num=150005)
    assert differences(gained, role, admin) == {"membership mine to postgres: new": ""}


def test_roles_that_were_there_are_taken_as_they_are_and_new_ones_are_not() -> None:
    was, is_now = item("role", "mine", login="yes"), item("role", "mine", login="no")
    existing = restored(was, before=(is_now,))
    assert differences(existing, is_now) == {
        "role mine: login": "the target's roles were taken as they are"
    }
    assert differences(existing, item("role", "mine", login="perhaps")) == {"role mine: login": ""}
    assert differences(restored(was, created=("mine",)), is_now) == {"role mine: login": ""}


def test_setting_of_the_database_is_explained_as_such() -> None:
    setting = item("setting", "in this database", settings="{app.x=1}", in_database="yes")
    assert differences(restored(setting)) == {
        "setting in this database: missing": rules.DATABASE_SETTING.reason
    }


def test_setting_of_a_new_role_is_explained_when_it_was_refused() -> None:
    setting = item("setting", "of mine", role="mine", settings="{a=b}")
    role = item("role", "mine")
    done = restored(role, setting, created=("mine",))
    assert differences(done, role) == {"setting of mine: missing": ""}
    refused = replace(done, refused_roles=frozenset({"SETTING of mine"}))
    assert differences(refused, role) == {"setting of mine: missing": REFUSED_ROLE}


def publication(owner: str, **more: str) -> Item:
    return item("publication", "live", 40, classid=6104, owner=owner, **more)


def test_publication_that_the_project_has_keeps_its_owner_and_nothing_else() -> None:
    there = entry(1, "PUBLICATION", "live", namespace="", classid=6104, oid=40)
    source = publication("supabase_admin", publishes="insert")
    before = publication("postgres", publishes="update")
    done = restored(source, before=(before,), entries=(there,))
    after = publication("postgres", publishes="insert")
    assert differences(done, after) == {"publication live: owner": KEPT_PUBLICATION}
    assert differences(done, publication("anon", publishes="insert")) == {
        "publication live: owner": ""
    }
    assert differences(done, before)["publication live: publishes"] == ""


def test_members_missing_in_a_publication_are_explained_by_their_own_entries_only() -> None:
    table_entry = entry(1, "TABLE", "a b", classid=1259, oid=6)
    member = entry(2, "PUBLICATION TABLE", "live a b", dependencies=(3, 1))
    schema = entry(4, "PUBLICATION TABLES IN SCHEMA", "live odd", namespace="odd")
    made = entry(3, "PUBLICATION", "live", namespace="", classid=6104, oid=40)
    tables = 'public."a b" (x) WHERE (x > 1); public.other'
    source = publication("postgres", tables=tables, schemas="odd, more")
    entries = (table_entry, member, made, schema)
    lost = item("table", 'public."a b"', 6)
    done = restored(
        source, lost, entries=entries, refused={1: "refused", 2: "refused", 4: "refused"}
    )
    after = publication("postgres", tables="public.other", schemas="more")
    assert set(differences(done, after).values()) == {"refused"}
    less = publication("postgres", schemas="odd")
    assert differences(done, less)["publication live: tables"] == ""
    assert differences(done, less)["publication live: schemas"] == ""
