"""The sandbox's files and their order."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from kulti_ops.errors import ConfigError
from kulti_ops.sandbox.build import PHASES, build_database, load_scripts

if TYPE_CHECKING:
    from kulti_ops.platform.shape import Script

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def name_of(script: Script) -> str:
    return script.name


def test_phases_follow_each_other_without_gap_or_overlap() -> None:
    assert PHASES[0].first == 0
    assert PHASES[-1].last == 99
    assert [p.first for p in PHASES[1:]] == [p.last + 1 for p in PHASES[:-1]]


def test_phases_all_have_something_to_run() -> None:
    numbers = [script.number for script in load_scripts()]
    assert all(any(p.first <= n <= p.last for n in numbers) for p in PHASES)


def test_scripts_have_numbers_of_their_own_and_come_in_order() -> None:
    names = [script.name for script in load_scripts()]
    assert names == sorted(names)
    numbers = [script.number for script in load_scripts()]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("script", load_scripts(), ids=name_of)
def test_script_says_what_it_is_about_first(script: Script) -> None:
    assert script.text.startswith("-- ")


@pytest.mark.parametrize("script", load_scripts(), ids=name_of)
def test_script_gives_its_role_back(script: Script) -> None:
    switches = re.findall(r"^(?:SET|RESET) ROLE.*;$", script.text, re.MULTILINE)
    assert len(switches) % 2 == 0
    assert all(switch == "RESET ROLE;" for switch in switches[1::2])


@pytest.mark.parametrize("script", load_scripts(), ids=name_of)
def test_script_of_data_is_a_function_of_scale_and_now_only(script: Script) -> None:
    if 40 <= script.number <= 49:
        code = re.sub(r"--.*", "", script.text)
        assert not re.search(r"\b(random|now|clock_timestamp|gen_random_uuid)\(\)", code)
        assert not re.search(r"\bcurrent_(date|timestamp)\b", code, re.IGNORECASE)


@pytest.mark.parametrize("scale", [0.0, -1.0, 0.0001, 1000.0, float("nan")])
def test_build_with_an_impossible_scale_is_refused(scale: float) -> None:
    with pytest.raises(ConfigError, match="scale"):
        build_database("postgresql://nowhere/x", postgres_password="p", scale=scale, now=NOW)


def test_build_with_a_naive_now_is_refused() -> None:
    with pytest.raises(ConfigError, match="time zone"):
        build_database(
            "postgresql://nowhere/x",
            postgres_password="p",
            scale=0.01,
            now=NOW.replace(tzinfo=None),
        )
