"""Probes of one's own, from a TOML file: a request and what is expected of its answer.

Parses and judges; the runner treats them like any other probe.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kulti_ops.errors import ConfigError
from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.probe import Context, Probe, finding, ok

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.message import Response

TAG = "own"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,48}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_KEYS = frozenset({"id", "path", "method", "headers", "body", "expect"})
_EXPECTATIONS = frozenset({"status", "header", "json", "regex", "latency_s"})
# Statuses that may ask to come back; where one is expected it is the answer.
_SENT_AWAY = frozenset({429, 503})
_MISSING = object()


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What an answer must be; what is None or empty is not looked at."""

    status: tuple[int, ...] = ()
    header: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    json: Mapping[str, Any] = field(default_factory=dict)
    regex: re.Pattern[str] | None = None
    latency_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class OwnProbe:
    """One probe of a file."""

    id: str
    path: str
    method: str
    headers: tuple[tuple[str, str], ...]
    body: str | None
    expect: Expectation


def parse_own(text: str, *, taken: frozenset[str]) -> tuple[Probe, ...]:
    """Return the probes of a TOML text; `taken` are ids that exist already.

    Raises: ConfigError naming the probe and what is wrong with it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the file of probes is no TOML: {error}") from error
    entries = document.get("probe")
    if set(document) != {"probe"} or not isinstance(entries, list) or not entries:
        raise ConfigError(
            "the file holds no [[probe]], or something else", hint="see docs/how-to/own-probes.md"
        )
    probes: list[Probe] = []
    for entry in entries:
        own = _parse(entry if isinstance(entry, dict) else {})
        if own.id in taken or any(probe.id == own.id for probe in probes):
            raise ConfigError(f"probe {own.id}: the id is taken")
        probes.append(Probe(id=own.id, tags=frozenset({TAG}), ask=partial(_ask, own), steady=True))
    return tuple(probes)


def _parse(entry: dict[str, Any]) -> OwnProbe:
    name = str(entry.get("id", ""))
    _require(bool(_ID.fullmatch(name)), name, "an id of a-z, 0-9 and - is needed")
    wrong = sorted(set(entry) - _KEYS)
    _require(not wrong, name, f"unknown key {', '.join(wrong)}")
    path, method = entry.get("path"), entry.get("method", "GET")
    _require(
        isinstance(path, str) and path.startswith("/") and not path.startswith("//"),
        name,
        "path must begin with one /",
    )
    _require(method in _METHODS, name, "no such method")
    _require(".." not in unquote(str(path)).split("/"), name, "path must not go up by ..")
    _require(not _is_sms(str(path)), name, "it would send an SMS")
    headers, body = entry.get("headers", {}), entry.get("body")
    _require(_is_texts(headers), name, "headers must be texts by name")
    sendable = all(_NAME.fullmatch(n) and v.isprintable() for n, v in headers.items())
    _require(sendable, name, "a header cannot be sent as it stands")
    _require(body is None or isinstance(body, str), name, "body must be a text")
    return OwnProbe(
        id=name,
        path=str(path),
        method=method,
        headers=tuple(headers.items()),
        body=body,
        expect=_expectation(name, entry.get("expect", {})),
    )


def _is_sms(path: str) -> bool:
    """Tell whether a path is the route that sends an SMS, however it is written."""
    steps = [s for s in unquote(path.partition("?")[0]).lower().split("/") if s not in {"", "."}]
    return "/" + "/".join(steps) == surface.SEND_OTP


def _expectation(name: str, given: Any) -> Expectation:  # noqa: ANN401 - any TOML
    _require(isinstance(given, dict) and bool(given), name, "expect must say something")
    wrong = sorted(set(given) - _EXPECTATIONS)
    _require(not wrong, name, f"unknown expectation {', '.join(wrong)}")
    status = given.get("status", [])
    codes = status if isinstance(status, list) else [status]
    _require(all(type(code) is int for code in codes), name, "status must be numbers")
    header, values = given.get("header", {}), given.get("json", {})
    _require(_is_texts(header), name, "header must be patterns by name")
    _require(isinstance(values, dict), name, "json must be values by path")
    latency = given.get("latency_s")
    _require(
        latency is None or (type(latency) in {int, float} and latency > 0),
        name,
        "latency_s must be seconds",
    )
    regex = given.get("regex")
    _require(regex is None or isinstance(regex, str), name, "regex must be a text")
    says = bool(codes or header or values) or regex is not None or latency is not None
    _require(says, name, "expect must say something")
    try:
        return Expectation(
            status=tuple(codes),
            header={key: re.compile(value) for key, value in header.items()},
            json=values,
            regex=re.compile(regex) if regex is not None else None,
            latency_s=float(latency) if latency is not None else None,
        )
    except re.error as error:
        raise ConfigError(f"probe {name}: no regular expression: {error}") from error


def _is_texts(value: Any) -> bool:  # noqa: ANN401 - any TOML
    return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())


def _require(condition: bool, name: str, what: str) -> None:  # noqa: FBT001 - an assertion
    if not condition:
        label = f"probe {name}" if name else "a probe"
        raise ConfigError(f"{label}: {what}", hint="see docs/how-to/own-probes.md")


async def _ask(own: OwnProbe, context: Context) -> CheckResult:
    body = own.body.encode() if own.body is not None else None
    answer = await context.ask(
        own.path,
        own.method,
        body=body,
        headers=own.headers,
        name=f"{own.path.partition('?')[0]} ({own.id})",
        at_once=bool(_SENT_AWAY & set(own.expect.status)),
    )
    faults = judge_answer(answer, own.expect)
    if faults:
        return finding("; ".join(faults), advice=f"look at {own.path.partition('?')[0]}")
    expect = own.expect
    if expect.latency_s is not None and answer.timings.total_s > expect.latency_s:
        text = f"{answer.timings.total_s:.2f} s, {expect.latency_s:g} s are allowed"
        return finding(text, status=Verdict.WARN, advice="run it once more")
    return ok(f"{answer.status} as expected")


def judge_answer(answer: Response, expect: Expectation) -> list[str]:
    """Return what in an answer is not as expected; values of the answer are not shown."""
    faults = []
    if expect.status and answer.status not in expect.status:
        wanted = " or ".join(map(str, expect.status))
        faults.append(f"it answers {answer.status}, not {wanted}")
    for name, pattern in expect.header.items():
        value = answer.value(name)
        if value is None:
            faults.append(f"no header {name}")
        elif not pattern.search(value):
            faults.append(f"the header {name} is another")
    document = answer.json() if expect.json else None
    for path, wanted in expect.json.items():
        found = _at(document, path)
        if found != wanted or isinstance(found, bool) is not isinstance(wanted, bool):
            faults.append(f"{path} is not {wanted!r}")
    if expect.regex is not None and not expect.regex.search(answer.text):
        faults.append(f"the body has nothing like {expect.regex.pattern!r}")
    return faults


def _at(document: Any, path: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the value at a dotted path; numbers index lists."""
    for part in path.split("."):
        if isinstance(document, dict):
            document = document.get(part, _MISSING)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return _MISSING
    return document
