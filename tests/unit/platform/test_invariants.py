"""The invariants' files: complete front matter, one statement, one way to ask the time."""

from __future__ import annotations

import re

import pytest

from kulti_ops.platform.invariants import NOW_SETTING, Invariant, load_invariants, parse_invariant
from kulti_ops.platform.tables import CRITICAL_TABLES

HEAD = "-- title: a\n-- group: g\n-- source: s\n-- requires: public.t\n"


def code(invariant: Invariant) -> str:
    """The SQL without its comments."""
    return "\n".join(line.split("--")[0] for line in invariant.sql.splitlines())


def by_id(invariant: Invariant) -> str:
    return invariant.id


def test_invariants_cover_every_group_of_the_platform() -> None:
    assert {one.group for one in load_invariants()} == {
        "accounts",
        "credits",
        "invites",
        "presence",
        "recordings",
        "references",
        "sessions",
    }
    letters = "".join(re.findall(r"3 \(([a-h])\)", " ".join(i.source for i in load_invariants())))
    assert sorted(letters) == list("abcdefgh")


@pytest.mark.parametrize("invariant", load_invariants(), ids=by_id)
def test_invariant_is_one_select_without_a_semicolon(invariant: Invariant) -> None:
    assert re.match(r"(SELECT|WITH)\b", code(invariant).strip())
    assert ";" not in code(invariant)


@pytest.mark.parametrize("invariant", load_invariants(), ids=by_id)
def test_invariant_asks_the_clock_only_behind_the_setting(invariant: Invariant) -> None:
    text = " ".join(code(invariant).split())
    guarded = f"coalesce(nullif(current_setting('{NOW_SETTING}', true), '')::timestamptz, now())"
    assert not re.search(
        r"\bnow\(\)|current_timestamp|current_date|clock_timestamp|localtime",
        text.replace(guarded, ""),
        re.IGNORECASE,
    )


@pytest.mark.parametrize("invariant", load_invariants(), ids=by_id)
def test_invariant_names_every_parameter_with_its_default(invariant: Invariant) -> None:
    text = " ".join(code(invariant).split())
    used = dict(
        re.findall(
            r"nullif\(current_setting\('kulti_ops\.(\w+)', true\), ''\)::integer, (\d+)\)", text
        )
    )
    assert used == dict(invariant.params)


@pytest.mark.parametrize("invariant", load_invariants(), ids=by_id)
def test_invariant_requires_the_tables_it_reads(invariant: Invariant) -> None:
    read = set(re.findall(r"(?:FROM|JOIN) ((?:public|auth)\.\w+)", code(invariant)))
    assert read == {name for name in invariant.requires if not name.startswith("pg_catalog.")}


def test_parse_invariant_reads_front_matter_and_continuation() -> None:
    text = (
        HEAD.replace("public.t", "public.t, auth.u")
        + "-- param: max_h = 3\n-- explanation: one\n--   two\n"
        + "-- not: a key, but after a parameter it would be\n"
    )
    with pytest.raises(ValueError, match="unknown key 'not'"):
        parse_invariant("x", text)
    invariant = parse_invariant("x", "\n".join(text.splitlines()[:-1]) + "\nSELECT 1\n-- title: b")
    assert invariant.id == "x"
    assert invariant.title == "a"
    assert invariant.requires == ("public.t", "auth.u")
    assert dict(invariant.params) == {"max_h": "3"}
    assert invariant.explanation == "one two"


@pytest.mark.parametrize("line", HEAD.splitlines())
def test_parse_invariant_without_a_needed_key_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="lacks"):
        parse_invariant("x", HEAD.replace(line + "\n", "") + "SELECT 1")


def test_critical_tables_have_distinct_names_and_reasons() -> None:
    names = [table.identity for table in CRITICAL_TABLES]
    assert len(set(names)) == len(names)
    assert all("." in name for name in names)
    assert all(table.reason for table in CRITICAL_TABLES)
