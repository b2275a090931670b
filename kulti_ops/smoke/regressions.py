"""What has become worse since a baseline: one finding per change, one verdict per aspect. Pure.

An improvement is no finding. What was not looked at this time is not compared, and said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.smoke.baseline import OWN_HOST
from kulti_ops.smoke.header_changes import header_changes
from kulti_ops.smoke.shape import HTML, JSON, OPTIONAL, parent_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from kulti_ops.smoke.baseline import Baseline, Observation
    from kulti_ops.smoke.shape import Shape

STATUS, HEADERS, BODY, SIZE, LATENCY = "status", "headers", "body", "size", "latency"
ASPECTS = (STATUS, HEADERS, BODY, SIZE, LATENCY)
BASELINE = "baseline"
SAVED = f"{BASELINE}-saved"
IDS = (BASELINE, *(f"{BASELINE}-{aspect}" for aspect in ASPECTS), SAVED)
# A median needs them; of fewer answers the time is a sample and is not compared.
FEWEST_SAMPLES = 5
# Changes below these are noise whatever the percentage is.
SMALLEST_SLOWDOWN_S = 0.1
SMALLEST_SIZE_CHANGE_BYTES = 10_240
# JSON answers grow and shrink with the data: only growth of another order is a change of code.
JSON_GROWTH_TIMES = 4
SMALLEST_JSON_GROWTH_BYTES = 102_400
# Scripts that a page may gain, whatever the percentage is.
SMALLEST_SCRIPT_GROWTH = 5
_NAMED_AT_MOST = 12
_ROWS_AT_MOST = 200
_ROUTES_NAMED = 3
_ERROR, _SERVER_ERROR, _REDIRECT, _NOT_FOUND = 400, 500, 300, 404
_LOCKED = frozenset({401, 403})


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """How much more is still the same, in per cent."""

    latency_percent: float = 50.0
    size_percent: float = 50.0


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that became worse on one route."""

    aspect: str
    route: str
    what: str
    old: str
    new: str
    status: Verdict = Verdict.WARN


def compare(
    baseline: Baseline,
    routes: Mapping[str, Observation],
    *,
    chosen: Collection[str],
    base_url: str,
    tolerances: Tolerances,
) -> tuple[CheckResult, ...]:
    """Return the verdicts of comparing; `chosen` are the probes that were to look."""
    both = [route for route in baseline.routes if route in routes]
    changes = [
        change
        for route in both
        for change in changes_of(route, baseline.routes[route], routes[route], tolerances)
    ]
    coverage = _coverage(baseline, routes, chosen=chosen, base_url=base_url)
    timed = [r for r in both if _is_timed(baseline.routes[r]) and _is_timed(routes[r])]
    looked_at = {aspect: len(timed if aspect == LATENCY else both) for aspect in ASPECTS}
    return (
        coverage,
        *(
            _aspect(aspect, [c for c in changes if c.aspect == aspect], looked_at[aspect])
            for aspect in ASPECTS
        ),
    )


def changes_of(
    route: str, old: Observation, new: Observation, tolerances: Tolerances
) -> Iterator[Change]:
    """Yield what is worse on one route."""
    status = _worse_status(old.status, new.status)
    if status is not None:
        yield Change(
            aspect=STATUS,
            route=route,
            what="status",
            old=str(old.status),
            new=str(new.status),
            status=status,
        )
    if old.status != new.status:
        return  # another answer altogether: its headers and body would only repeat that
    for what, before, after in header_changes(old, new):
        yield Change(
            aspect=HEADERS,
            route=route,
            what=what,
            old=before.replace(OWN_HOST, "(this site)"),
            new=after.replace(OWN_HOST, "(this site)"),
        )
    yield from _body_changes(route, old.shape, new.shape)
    yield from _size_changes(route, old, new, tolerances)
    yield from _latency_changes(route, old, new, tolerances)


def _worse_status(old: int, new: int) -> Verdict | None:
    """Return how much worse a status is; None when it is the same or better."""
    if new == old or (old >= _SERVER_ERROR > new):
        return None
    if new >= _SERVER_ERROR or (old < _ERROR <= new):
        return Verdict.CRIT
    if old in _LOCKED and new < _REDIRECT:
        return Verdict.CRIT  # what was locked is open
    if old == _NOT_FOUND and new < _REDIRECT:
        return None
    return Verdict.WARN


def _body_changes(route: str, old: Shape, new: Shape) -> Iterator[Change]:
    def change(what: str, before: object, after: object, status: Verdict = Verdict.WARN) -> Change:
        return Change(
            aspect=BODY, route=route, what=what, old=str(before), new=str(after), status=status
        )

    if old.kind != new.kind:
        status = Verdict.CRIT if JSON in {old.kind, new.kind} else Verdict.WARN
        yield change("body", old.kind, new.kind, status)
    elif new.kind == JSON:
        yield from (change(*found) for found in field_changes(old.fields, new.fields))
    elif new.kind == HTML:
        if old.title != new.title:
            yield change("title", repr(old.title), repr(new.title))
        for what, before, after in (
            ("scripts", old.scripts, new.scripts),
            ("stylesheets", old.stylesheets, new.stylesheets),
        ):
            grown = after - before >= SMALLEST_SCRIPT_GROWTH and after > 1.5 * before
            if (before and not after) or grown:
                yield change(what, before, after)


def field_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the fields that are gone or of another type: path, old type, new type.

    An empty list and a null say nothing of what would be in them; an optional field may be
    absent, and a field below one that is gone goes with it.
    """
    for path, before in old.items():
        after = new.get(path)
        if after is None:
            parent = new.get(parent_of(path), "")
            holds = "object" in parent and not path.endswith("[]")
            if holds and not before.endswith(OPTIONAL) and not path.endswith(".*"):
                yield path, before, "gone"
            continue
        had, has = _types(before), _types(after)
        if had and has - had:
            yield path, before, after


def _types(text: str) -> frozenset[str]:
    return frozenset(text.removesuffix(OPTIONAL).split("|")) - {"null"}


def _size_changes(
    route: str, old: Observation, new: Observation, tolerances: Tolerances
) -> Iterator[Change]:
    if old.size_bytes is None or new.size_bytes is None:
        return
    difference = new.size_bytes - old.size_bytes
    allowed = old.size_bytes * tolerances.size_percent / 100
    if new.shape.kind == JSON:
        is_worse = (
            difference >= SMALLEST_JSON_GROWTH_BYTES
            and new.size_bytes > JSON_GROWTH_TIMES * old.size_bytes
        )
    else:
        is_worse = abs(difference) >= SMALLEST_SIZE_CHANGE_BYTES and abs(difference) > allowed
    if is_worse:
        yield Change(
            aspect=SIZE,
            route=route,
            what="size",
            old=f"{old.size_bytes} bytes",
            new=f"{new.size_bytes} bytes",
        )


def _is_timed(observation: Observation) -> bool:
    return observation.samples >= FEWEST_SAMPLES


def _latency_changes(
    route: str, old: Observation, new: Observation, tolerances: Tolerances
) -> Iterator[Change]:
    if not (_is_timed(old) and _is_timed(new)):
        return
    more_s = new.median_s - old.median_s
    if more_s >= SMALLEST_SLOWDOWN_S and more_s > old.median_s * tolerances.latency_percent / 100:
        yield Change(
            aspect=LATENCY,
            route=route,
            what="median",
            old=f"{old.median_s * 1000:.0f} ms",
            new=f"{new.median_s * 1000:.0f} ms",
        )


def _aspect(aspect: str, changes: list[Change], looked_at: int) -> CheckResult:
    name = f"{BASELINE}-{aspect}"
    if not looked_at:
        why = f"no route with {FEWEST_SAMPLES} answers in both" if aspect == LATENCY else "no route"
        return CheckResult(id=name, status=Verdict.SKIPPED, summary=f"{why} to compare")
    if not changes:
        text = f"no worse on {looked_at} route{'s' if looked_at > 1 else ''}"
        return CheckResult(id=name, status=Verdict.OK, summary=text)
    lines = list(_lines(changes))
    if len(lines) > _NAMED_AT_MOST:
        lines = [*lines[:_NAMED_AT_MOST], f"and {len(lines) - _NAMED_AT_MOST} more: see the rows"]
    return CheckResult(
        id=name,
        status=worst(change.status for change in changes),
        summary="\n".join(lines),
        evidence={"regressions": len(changes), "compared": looked_at},
        rows=tuple(
            {"route": c.route, "what": c.what, "old": c.old, "new": c.new, "status": str(c.status)}
            for c in changes[:_ROWS_AT_MOST]
        ),
        next="see the last deploy; when it was meant, save the baseline again (--save-baseline)",
    )


def _lines(changes: Iterable[Change]) -> Iterator[str]:
    """Yield one line per change; the same change on many routes is one."""
    routes: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        routes.setdefault((change.what, change.old, change.new), []).append(change.route)
    for (what, old, new), found in routes.items():
        named = ", ".join(found[:_ROUTES_NAMED])
        more = f" and {len(found) - _ROUTES_NAMED} more" if len(found) > _ROUTES_NAMED else ""
        yield f"{named}{more}: {what} {old} → {new}"


def _coverage(
    baseline: Baseline,
    routes: Mapping[str, Observation],
    *,
    chosen: Collection[str],
    base_url: str,
) -> CheckResult:
    """Say what was compared, and what was not and why."""
    compared = sum(route in routes for route in baseline.routes)
    missing = {r: o for r, o in baseline.routes.items() if r not in routes}
    left_out = sorted({o.probe for o in missing.values() if o.probe not in chosen})
    silent = sorted(route for route, o in missing.items() if o.probe in chosen)
    parts = [f"{compared} of {len(baseline.routes)} routes compared with {baseline.saved_at}"]
    if baseline.base_url != base_url:
        parts.append(f"which was {baseline.base_url}")
    if left_out:
        parts.append(f"not looked at, since they did not run: {', '.join(left_out)}")
    if silent:
        parts.append(f"without an answer this time: {', '.join(silent[:_ROUTES_NAMED])}")
    new = len(set(routes) - set(baseline.routes))
    if new:
        parts.append(f"{new} new, compared with nothing")
    status = Verdict.OK if compared and not silent else Verdict.UNKNOWN
    return CheckResult(
        id=BASELINE,
        status=status,
        summary="; ".join(parts),
        evidence={"compared": compared, "saved_at": baseline.saved_at, "new": new},
        rows=tuple({"route": r, "probe": o.probe} for r, o in missing.items()),
        next="see the probes that gave no answer" if status is Verdict.UNKNOWN else None,
    )
