"""Probes of the video vendor's webhook, with an event that the platform is known to ignore."""

from __future__ import annotations

import hashlib
import hmac

from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.gatekeeper import is_kept_out
from kulti_ops.smoke.probe import Context, finding, ok, skipped, together

EVENT = b'{"type":"kulti-ops.probe","data":{"room_id":"kulti-ops-probe"}}'
_OK, _UNAUTHORIZED = 200, 401


async def webhook_unsigned(context: Context) -> CheckResult:
    """Check: calls without a signature, and with a wrong one, are refused with 401."""
    bare, wrong = await together(
        (
            context.ask(surface.WEBHOOK, "POST", body=EVENT),
            context.ask(
                surface.WEBHOOK, "POST", body=EVENT, headers=_signed("0" * 64, context.now_s)
            ),
        )
    )
    accepted = [
        text
        for text, answer in (("without a signature", bare), ("with a wrong signature", wrong))
        if answer.status < 300  # noqa: PLR2004 - taken
    ]
    if accepted:
        return finding(
            f"a call {' and one '.join(accepted)} is accepted",
            advice="anybody can forge recordings: check the signature before anything else",
        )
    told = [answer for answer in (bare, wrong) if not is_kept_out(answer)]
    odd = {answer.status for answer in told} - {_UNAUTHORIZED}
    if odd:
        text = f"refused, but with {', '.join(map(str, sorted(odd)))} instead of 401"
        return finding(text, status=Verdict.WARN, advice="see the webhook's route")
    return ok("unsigned and wrongly signed calls answer 401")


async def webhook_signed(context: Context) -> CheckResult:
    """Check: a rightly signed harmless event is accepted, when the secret is known."""
    secret = context.site.webhook_secret
    if not secret:
        return skipped("no secret: set HMS_APP_SECRET to prove that signed events arrive")
    signed = f"{context.now_s}.".encode() + EVENT
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    answer = await context.ask(
        surface.WEBHOOK, "POST", body=EVENT, headers=_signed(digest, context.now_s)
    )
    if answer.status == _OK:
        return ok("a signed event is accepted; whether it is stored, this does not tell")
    return finding(
        f"a signed event is refused with {answer.status}: recordings get stuck",
        advice="compare HMS_APP_SECRET with the vendor's dashboard",
    )


def _signed(digest: str, now_s: int) -> tuple[tuple[str, str], ...]:
    return ((surface.WEBHOOK_SIGNATURE, digest), (surface.WEBHOOK_TIMESTAMP, str(now_s)))
