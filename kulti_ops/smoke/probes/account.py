"""The probe of a signed-in person's reads, with a test account's cookie. Nothing is written.

Says what is wrong with the answers, never what is in them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeGuard

from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.smoke.caching import directives_of
from kulti_ops.smoke.gatekeeper import let_through
from kulti_ops.smoke.probe import Context, finding, ok, skipped, together
from kulti_ops.smoke.remarks import judge_caching
from kulti_ops.smoke.verdicts import verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kulti_ops.message import Response

Fault = tuple[Verdict, str]

_OK, _REDIRECT, _ERROR, _NOT_FOUND, _SERVER_ERROR = 200, 300, 400, 404, 500
_REFUSED = frozenset({401, 403})
_CREDITS = ("credits_balance", "total_credits_earned", "total_credits_spent")


async def account(context: Context) -> CheckResult:
    """Check: a signed-in person's balance, transactions and recordings, and who may keep them."""
    credentials = context.site.account
    if not credentials:
        return skipped(
            "no test account", advice="set KULTI_OPS_TEST_ACCOUNT_COOKIE to see what it sees"
        )
    if not context.site.base_url.startswith("https:") and not context.site.is_own:
        return finding(
            "the test account's cookie is not sent over http",
            status=Verdict.UNKNOWN,
            advice="name the https URL",
        )
    answers = await together(
        context.ask(path, credentials=credentials, name=f"{path} (signed in)")
        for path in surface.ACCOUNT_READS
    )
    if all(_is_refused(answer) for answer in answers):
        return finding(
            "the test account is refused everywhere: its cookie has expired, or auth is down",
            status=Verdict.UNKNOWN,
            advice="sign in again and set KULTI_OPS_TEST_ACCOUNT_COOKIE; see the vendor's status",
            evidence={"blames": "supabase"},
        )
    if any(answer.status == _NOT_FOUND or answer.status >= _SERVER_ERROR for answer in answers):
        proof = await context.ask(surface.DATABASE)
        if proof.status >= _SERVER_ERROR:
            found = skipped("the site cannot reach its database: see database")
            return replace(found, evidence={"see": "database"})
    return judge_account(dict(let_through(zip(surface.ACCOUNT_READS, answers, strict=True))))


def _is_refused(answer: Response) -> bool:
    return answer.status in _REFUSED or _REDIRECT <= answer.status < _ERROR


def judge_account(answers: dict[str, Response]) -> CheckResult:
    """Return what the answers of the account's routes come to together."""
    faults = [fault for path, answer in answers.items() for fault in _faults(path, answer)]
    if not faults:
        return ok(f"{len(answers)} reads of the test account are plausible, and private")
    status = worst(verdict for verdict, _ in faults)
    return finding(
        "; ".join(text for _, text in faults),
        status=status,
        advice="see the route; personal data in a shared cache is a reason to roll back",
        evidence={"blames": "supabase"},
    )


def _faults(path: str, answer: Response) -> Iterator[Fault]:
    if answer.status != _OK:
        yield Verdict.CRIT, f"{path} answers {answer.status} to a signed-in person"
        return
    caching = judge_caching(answer, authenticated=True)
    if verdict_of(caching) is not Verdict.OK:
        shared = directives_of(", ".join(answer.values("cache-control"))) & {"public", "s-maxage"}
        text = "lets shared caches keep it" if shared else "does not say private or no-store"
        yield Verdict.CRIT if shared else Verdict.WARN, f"{path} {text}"
    body = answer.json()
    if not isinstance(body, dict):
        yield Verdict.CRIT, f"{path} answers no JSON object"
        return
    yield from ((verdict, f"{path}: {text}") for verdict, text in _JUDGES[path](body))


def _balance(body: dict[str, Any]) -> Iterator[Fault]:
    figures = [body.get(name) for name in _CREDITS]
    wrong = [n for n, value in zip(_CREDITS, figures, strict=True) if not _is_count(value)]
    if wrong:
        yield Verdict.CRIT, f"{', '.join(wrong)} is no figure from 0 on"
        return
    balance, earned, spent = (int(figure or 0) for figure in figures)
    if balance != earned - spent:
        yield Verdict.WARN, "the balance is not what was earned less what was spent"


def _transactions(body: dict[str, Any]) -> Iterator[Fault]:
    rows = body.get("transactions")
    if not _is_rows(rows) or not all(_is_count(body.get(n)) for n in ("count", "limit", "offset")):
        yield Verdict.CRIT, "not of the shape {transactions, count, limit, offset}"
        return
    if len(rows) > body["limit"] or len(rows) > body["count"]:
        yield Verdict.WARN, "more rows than its limit or count"
    if any(
        not isinstance(r.get("amount"), int) or not _is_count(r.get("balance_after")) for r in rows
    ):
        yield Verdict.CRIT, "a row without an amount, or with a balance below 0"


def _recordings(body: dict[str, Any]) -> Iterator[Fault]:
    rows, pages = body.get("recordings"), body.get("pagination")
    if (
        not _is_rows(rows)
        or not isinstance(pages, dict)
        or not all(_is_count(pages.get(n)) for n in ("limit", "offset", "total"))
        or not isinstance(pages.get("hasMore"), bool)
    ):
        yield Verdict.CRIT, "not of the shape {recordings, pagination}"
        return
    seen = pages["offset"] + len(rows)
    if len(rows) > pages["limit"] or pages["hasMore"] != (seen < pages["total"]):
        yield Verdict.WARN, "its pagination does not add up"


def _is_rows(value: Any) -> TypeGuard[list[dict[str, Any]]]:  # noqa: ANN401 - any JSON
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _is_count(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_JUDGES: dict[str, Callable[[dict[str, Any]], Iterator[Fault]]] = {
    surface.BALANCE: _balance,
    surface.TRANSACTIONS: _transactions,
    surface.RECORDINGS: _recordings,
}
