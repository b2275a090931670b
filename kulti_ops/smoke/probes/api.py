"""Probes of the API, as somebody who has not signed in. Nothing is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.smoke.gatekeeper import is_kept_out, let_through
from kulti_ops.smoke.probe import Context, finding, ok, skipped, together, verdict
from kulti_ops.smoke.results import Result
from kulti_ops.smoke.transport import ORIGIN_PROBE, judge_cors

if TYPE_CHECKING:
    from kulti_ops.message import Response

_OK, _UNAUTHORIZED, _NOT_FOUND, _NOT_ALLOWED, _TOO_LARGE = 200, 401, 404, 405, 413
_SERVER_ERROR = 500
# None of them could do anything if it were taken: no body, and never DELETE.
_METHOD_ROUTES = (
    ("/api/sessions/create", "GET"),
    ("/api/credits/balance", "POST"),
    (surface.DATABASE, "PUT"),
)
_LEAKS = (
    (re.compile(r"\n\s+at .+:\d+:\d+"), "a stack trace"),
    (re.compile(r"Traceback \(most recent call last\)"), "a stack trace"),
    (re.compile(r"/(?:var/task|home|usr/src|app)/[\w./-]+\.[jt]sx?"), "a path of the server"),
    (re.compile(r"node_modules/"), "a path of the server"),
    (re.compile(r"postgres(?:ql)?://", re.IGNORECASE), "a database URL"),
    (re.compile(r'relation "[\w.]+" does not exist|PGRST\d+|SQLSTATE'), "a database error"),
    (re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}\."), "a token"),
    (re.compile(r"\bsk-ant-[\w-]{8,}|\bsbp_\w{8,}"), "a secret key"),
)


async def anonymous_401(context: Context) -> CheckResult:
    """Check: routes for signed-in people refuse others with 401 and the exact error shape."""
    calls = [(path, "GET") for path in surface.UNAUTHORIZED_GET]
    calls += [(path, "POST") for path in surface.UNAUTHORIZED_POST]
    answers = await together(
        (context.ask(p, m, body=b"{}" if m == "POST" else None) for p, m in calls)
    )
    faults = [
        f"{method} {path} answers {_shape(answer)}"
        for (path, method), answer in let_through(zip(calls, answers, strict=True))
        if answer.status != _UNAUTHORIZED or answer.json() != surface.UNAUTHORIZED
    ]
    advice = "a 200 here gives personal data away: roll back; else see the auth helper"
    return verdict(faults, f"{len(calls)} routes answer 401", advice=advice)


def _shape(answer: Response) -> str:
    if answer.status != _UNAUTHORIZED:
        return str(answer.status)
    return "401 in another shape than {error: Unauthorized}"


async def database(context: Context) -> CheckResult:
    """Check: the one anonymous route whose answer comes from the database."""
    answer = await context.ask(surface.DATABASE)
    body = answer.json()
    if answer.status >= _SERVER_ERROR:
        return finding(
            f"{surface.DATABASE} answers {answer.status}: the site cannot reach its database",
            advice="kulti-ops doctor; then look at the database vendor's status",
            evidence={"blames": "supabase"},
        )
    meta = body.get("meta") if isinstance(body, dict) else None
    if answer.status != _OK or not isinstance(meta, dict) or "agents" not in body:
        return finding(
            f"{surface.DATABASE} answers {answer.status} in an unknown shape: the database is "
            "neither proven nor disproven",
            advice="see what has changed in that route",
            status=Verdict.UNKNOWN,
        )
    return ok(f"{meta.get('total')} agents came from the database")


async def health(context: Context) -> CheckResult:
    """Check: a health endpoint, where there is one."""
    answer = await context.ask(surface.HEALTH[0])
    if answer.status == _NOT_FOUND or (answer.status == _OK and answer.is_html):
        return skipped(
            f"there is no {surface.HEALTH[0]}",
            advice="add one that answers status, version and services as JSON",
        )
    return judge_health(answer)


def judge_health(answer: Response) -> CheckResult:
    """Return what a health endpoint's answer comes to; one that is only impaired is a warn."""
    body = answer.json()
    told = body.get("status") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(told, str):
        failing = answer.status >= _SERVER_ERROR
        return finding(
            f"{surface.HEALTH[0]} answers {answer.status} without a JSON status",
            status=Verdict.CRIT if failing else Verdict.UNKNOWN,
            advice="let it answer status, version, services",
        )
    services = body.get("services")
    states = {
        str(name)[:40]: _health_of(state.get("status") if isinstance(state, dict) else state)
        for name, state in (services.items() if isinstance(services, dict) else ())
    }
    overall = _health_of(told) if answer.status == _OK else Verdict.CRIT
    status = worst((overall, *states.values()))
    if status is not Verdict.OK:
        bad = [name for name, state in states.items() if state is not Verdict.OK]
        text = f"it reports {told[:40]} ({answer.status}){': ' + ', '.join(bad) if bad else ''}"
        return finding(text, status=status, advice="see that service")
    return ok(f"healthy, version {str(body.get('version', 'not given'))[:40]}")


def _health_of(state: object) -> Verdict:
    """Return what one word of a health report means; the words are those in common use."""
    if state is True:
        return Verdict.OK
    word = state.strip().lower() if isinstance(state, str) else ""
    if word in {"ok", "healthy", "up", "pass", "operational"}:
        return Verdict.OK
    return Verdict.WARN if word in {"degraded", "warn", "warning"} else Verdict.CRIT


async def size_limit(context: Context) -> CheckResult:
    """Check: routes take 10,240 characters and refuse 10,241, before anything else."""
    limit = surface.BODY_LIMIT_CHARACTERS
    paths = context.site.size_limited
    fits = await together(context.ask(p, "POST", body=_body(limit, "é")) for p in paths)
    over = await together(context.ask(p, "POST", body=_body(limit + 1, "x")) for p in paths)
    faults = []
    absent = []
    for path, small, large in zip(paths, fits, over, strict=True):
        if is_kept_out(small) or is_kept_out(large):
            continue
        if small.status == _NOT_FOUND and large.status == _NOT_FOUND:
            absent.append(path)
        elif small.status == _TOO_LARGE:
            faults.append(f"{path} refuses {limit} characters")
        elif large.status != _TOO_LARGE:
            faults.append(f"{path} lets {limit + 1} characters through ({large.status})")
    if absent and not faults:
        text = f"there is no {', '.join(absent)}: the limit there could not be looked at"
        advice = "name the routes in KULTI_OPS_SIZE_LIMITED, if they are elsewhere"
        return finding(text, status=Verdict.UNKNOWN, advice=advice)
    advice = "see the body limit of those routes"
    good = f"{limit} characters pass on {len(paths)} routes, {limit + 1} do not"
    return verdict(faults, good, advice=advice)


def _body(characters: int, fill: str) -> bytes:
    """Return a JSON object of exactly that many characters which asks for nothing."""
    head, tail = '{"kultiOpsProbe":"', '"}'
    return (head + fill * (characters - len(head) - len(tail)) + tail).encode()


async def methods(context: Context) -> CheckResult:
    """Check: wrong methods are refused with 405 and an empty body."""
    calls = (*_METHOD_ROUTES, (surface.WEBHOOK, "GET"))
    answers = await together((context.ask(path, method) for path, method in calls))
    faults = [
        f"{method} {path} answers {answer.status}{' with a body' if answer.body else ''}"
        for (path, method), answer in let_through(zip(calls, answers, strict=True))
        if answer.status != _NOT_ALLOWED or answer.body
    ]
    advice = "see which methods those routes export"
    return verdict(faults, f"{len(calls)} wrong methods answer 405", advice=advice)


async def cors(context: Context) -> CheckResult:
    """Check: no foreign origin is let in."""
    origin = (("Origin", ORIGIN_PROBE),)
    paths = (surface.HOME, surface.DATABASE, surface.UNAUTHORIZED_GET[0])
    answers = await together(context.ask(path, headers=origin) for path in paths)
    told = let_through(zip(paths, answers, strict=True))
    open_ = [path for path, answer in told if judge_cors(answer).result is Result.CORS_UNIVERSAL]
    advice = "don't repeat the Origin header in Access-Control-Allow-Origin"
    if open_:
        text = f"{', '.join(open_)} lets any origin in, with the visitor's cookies"
        return finding(text, advice=advice)
    allowed = {path: (a.value("access-control-allow-origin") or "").strip() for path, a in told}
    if reflecting := [path for path, origin in allowed.items() if origin == ORIGIN_PROBE]:
        text = f"{', '.join(reflecting)} lets any origin in, without cookies"
        return finding(text, advice=advice, status=Verdict.WARN)
    return ok("no foreign origin is let in")


async def errors_leak(context: Context) -> CheckResult:
    """Check: errors tell nothing of the inside."""
    answers = await together(
        (
            context.ask(surface.SIZE_LIMITED[0], "POST", body=b"{}"),
            context.ask(surface.UNAUTHORIZED_GET[0]),
            context.ask("/api/kulti-ops-probe/no-such-route"),
            context.ask(surface.DATABASE),
            context.ask(surface.BROKEN_GET[0]),
        )
    )
    faults = sorted(
        {
            f"{answer.url.removeprefix(context.site.base_url)} shows {what}"
            for answer in answers
            for pattern, what in _LEAKS
            if answer.status >= 400 and pattern.search(answer.text)  # noqa: PLR2004 - errors
        }
    )
    return verdict(faults, "errors show nothing of the inside", advice="answer a plain message")
