from __future__ import annotations

import re
from pathlib import Path

import pytest

from kulti_ops.errors import ConfigError
from kulti_ops.message import Response
from kulti_ops.smoke.own import Expectation, judge_answer, parse_own
from kulti_ops.smoke.waiting import is_same

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "own-probes.md"
JSON = Response(
    url="https://kulti.example/",
    status=200,
    headers=(("Content-Type", "application/json"),),
    body=b'{"a":{"b":[1,{"c":null}]}}',
)


def test_own_probes_of_the_documentation_are_read() -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example
    probes = parse_own(example[1], taken=frozenset())
    assert [probe.id for probe in probes] == ["docs-title", "agents-listed"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no [[probe]]"),
        ("x = 1", "no [[probe]]"),
        ("[[probe]", "no TOML"),
        ("[[probe]]\npath = '/'", "an id"),
        ("[[probe]]\nid = 'x'\npath = 'https://a.example/'", "path"),
        ("[[probe]]\nid = 'x'\npath = '//a.example/'", "path"),
        ("[[probe]]\nid = 'x'\npath = '/'", "expect"),
        ("[[probe]]\nid = 'x'\npath = '/'\nexpekt = 1", "unknown key expekt"),
        ("[[probe]]\nid = 'x'\npath = '/'\nmethod = 'FLY'\nexpect.status = 1", "method"),
        ("[[probe]]\nid = 'x'\npath = '/'\nexpect.stats = 1", "unknown expectation"),
        ("[[probe]]\nid = 'x'\npath = '/'\nexpect.status = 'ok'", "status"),
        ("[[probe]]\nid = 'x'\npath = '/'\nexpect.regex = '('", "regular expression"),
        ("[[probe]]\nid = 'home'\npath = '/'\nexpect.status = 200", "taken"),
        ("[[probe]]\nid = 'x'\npath = '/api/auth/send-otp?a'\nexpect.status = 200", "SMS"),
        ("[[probe]]\nid = 'x'\npath = '/api//auth/./SEND%2Dotp/'\nexpect.status = 200", "SMS"),
        ("[[probe]]\nid = 'x'\npath = '/api/x/../auth/send-otp'\nexpect.status = 200", "go up"),
        ("[[probe]]\nid = 'x'\npath = '/api/x/%2e%2e/auth/send-otp'\nexpect.status = 1", "go up"),
        ("[[probe]]\nid = 'x'\npath = '/'\nexpect.status = []", "expect must say"),
        ("[[probe]]\nid = 'x'\npath = '/'\nexpect.json = {}", "expect must say"),
        ("[[probe]]\nid = 'x'\npath = '/'\nexpect.latency_s = true", "latency_s"),
        ("[[probe]]\nid = 'x'\npath = '/'\nexpect.status = 1\nheaders = {a = \"b\\nc\"}", "sent"),
        ("[[probe]]\nid = 'x'\npath = '/'\nexpect.status = 1\nheaders = {'a b' = 'c'}", "sent"),
    ],
)
def test_own_probe_that_is_wrong_is_named(text: str, word: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(word)):
        parse_own(text, taken=frozenset({"home"}))


@pytest.mark.parametrize(
    ("expect", "faults"),
    [
        (Expectation(status=(200, 204)), 0),
        (Expectation(status=(404,)), 1),
        (Expectation(header={"content-type": re.compile("json")}), 0),
        (Expectation(header={"content-type": re.compile("html"), "x": re.compile("")}), 2),
        (Expectation(json={"a.b.0": 1, "a.b.1.c": None}), 0),
        (Expectation(json={"a.b.9": 1}), 1),
        (Expectation(json={"a.c": None}), 1),
        (Expectation(json={"a.b.0": True}), 1),
        (Expectation(regex=re.compile("b")), 0),
        (Expectation(regex=re.compile("z"), status=(1,)), 2),
    ],
)
def test_own_expectation_is_held_against_the_answer(expect: Expectation, faults: int) -> None:
    assert len(judge_answer(JSON, expect)) == faults


@pytest.mark.parametrize(
    ("version", "sha", "same"),
    [
        ("1a2b3c4d5e6f", "1a2b3c4", True),
        ("1A2B3C4", "1a2b3c4d5e6f", True),
        ("1a2b3c4", "1a2b3c5", False),
        ("1a", "1a2b3c4", False),
        ("", "1a2b3c4", False),
        ("v1", "v1", True),
    ],
)
def test_version_may_be_shortened(version: str, sha: str, *, same: bool) -> None:
    assert is_same(version, sha) is same
