"""The probe of the rate limiter, by the one route where calling costs nobody anything but quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.gatekeeper import is_challenge
from kulti_ops.smoke.probe import Context, finding, ok, skipped, together

if TYPE_CHECKING:
    from kulti_ops.message import Response

ID = "rate-limit"
# So many calls more than the limit tell a generous limiter from one that fails open.
_GENEROUS = 4
_OK, _LIMITED = 200, 429
_BODY = b'{"code":"KULTI-OPS-PROBE"}'


async def rate_limit(context: Context) -> CheckResult:
    """Check: the limiter answers 429 at its limit, with the headers that tell when to come back."""
    if not context.site.is_own and ID not in context.asked_for:
        return skipped(
            "it uses up the quota of everybody behind the same address",
            advice="kulti-ops smoke run --only rate-limit",
        )
    limit = surface.INVITE_VALIDATION_LIMIT
    for count in range(1, limit + 2):
        answer = await _call(context)
        if is_challenge(answer) or answer.status not in {_OK, _LIMITED}:
            return finding(
                f"invite validation answers {answer.status}: the limiter cannot be looked at",
                status=Verdict.UNKNOWN,
                advice="see what has changed in that route",
            )
        if answer.status == _LIMITED:
            return _judge(answer, count - 1)
    more = await together(_call(context) for _ in range(limit * (_GENEROUS - 1)))
    refused = sum(answer.status == _LIMITED for answer in more)
    if refused:
        passed = limit + 1 + len(more) - refused
        text = f"the limiter is generous: {passed} calls passed, {limit} were expected"
        return finding(text, status=Verdict.WARN, advice="see the limit of invite validation")
    return finding(
        f"no 429 after {limit + 1 + len(more)} calls: the limiter does not work",
        advice="it fails open: look at Redis and UPSTASH_REDIS_REST_URL",
        evidence={"blames": "upstash"},
    )


async def _call(context: Context) -> Response:
    return await context.ask(surface.INVITE_VALIDATION, "POST", body=_BODY, at_once=True)


def _judge(answer: Response, passed: int) -> CheckResult:
    wanted = ("retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
    missing = [name for name in wanted if answer.value(name) is None]
    body = answer.json()
    if not isinstance(body, dict) or body.get("error") != surface.RATE_LIMITED:
        missing.append("the error's shape")
    if missing:
        text = f"429 after {passed} calls, without {', '.join(missing)}"
        return finding(text, status=Verdict.WARN, advice="see the limiter's answer")
    return ok(f"429 after {passed} calls, with its headers")
