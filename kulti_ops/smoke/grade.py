"""The grade of a response's headers: which checks, which profile, which score and letter.

Pure. The scoring is that of the MDN HTTP Observatory's algorithm 6: from 100, bonuses
count while penalties leave 90 or more, and the letter goes by steps of 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from kulti_ops.smoke.cookies import judge_cookies
from kulti_ops.smoke.csp import parse_policies
from kulti_ops.smoke.csp_judge import is_malformed, judge_csp
from kulti_ops.smoke.headers import (
    judge_coep,
    judge_coop,
    judge_corp,
    judge_framing,
    judge_referrer,
    judge_sniffing,
)
from kulti_ops.smoke.page import Page, judge_integrity, read_page
from kulti_ops.smoke.remarks import (
    judge_banners,
    judge_caching,
    judge_permissions,
    judge_xss_protection,
)
from kulti_ops.smoke.results import Judgement, Result, not_seen
from kulti_ops.smoke.transport import WayIn, judge_cors, judge_hsts, judge_redirection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.message import Response

BASE_SCORE = 100
BONUS_FROM = 90
_STEP = 5
_LETTERS = (
    (100, "A+"),
    (90, "A"),
    (85, "A-"),
    (80, "B+"),
    (70, "B"),
    (65, "B-"),
    (60, "C+"),
    (50, "C"),
    (45, "C-"),
    (40, "D+"),
    (30, "D"),
    (25, "D-"),
    (0, "F"),
)
GRADES = tuple(letter for _, letter in _LETTERS)


class Profile(StrEnum):
    """Whose rules: the platform's own, or the reference's."""

    KULTI = "kulti"
    OBSERVATORY = "observatory"


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """One rule of the profile kulti that is stricter than the reference, and why."""

    id: str
    rule: str
    reason: str


DIVERGENCES = (
    Divergence(
        id="hsts-max-age",
        rule="a max-age that is no number, or stands twice, makes HSTS invalid",
        reason="browsers ignore such a header, so nothing is enforced",
    ),
    Divergence(
        id="frame-ancestors-broad",
        rule="frame-ancestors with * or a whole scheme counts as no protection from framing",
        reason="every site may frame the page, and X-Frame-Options is ignored beside it",
    ),
    Divergence(
        id="framing-conflict",
        rule="X-Frame-Options headers that contradict each other are invalid",
        reason="browsers differ in which one they obey",
    ),
    Divergence(
        id="script-src-elem",
        rule="script-src-elem, script-src-attr, style-src-elem and style-src-attr count",
        reason="browsers obey them before script-src and style-src",
    ),
    Divergence(
        id="empty-nonce",
        rule="'nonce-' without a value, and a malformed hash, cancel nothing",
        reason="they match no script, or are ignored, and 'unsafe-inline' stays in force",
    ),
    Divergence(
        id="repeated-nonce",
        rule="a nonce that two fetches have in common is none",
        reason="whoever can inject a script can read the nonce beforehand",
    ),
    Divergence(
        id="shared-hosts",
        rule="hosts that anybody can have (*.vercel.app, tunnels) cost 20 points in script-src "
        "and earn no bonus in frame-ancestors",
        reason="an attacker gets such a name for nothing",
    ),
    Divergence(
        id="every-host",
        rule="* with a port or a path, and a wildcard for a whole top-level domain "
        "(https://*.com), count as any host",
        reason="they admit hosts of anybody",
    ),
    Divergence(
        id="strict-dynamic-elsewhere",
        rule="'strict-dynamic' and nonces switch nothing off for what falls back to default-src "
        "beside scripts and styles",
        reason="browsers apply them to scripts and styles alone",
    ),
    Divergence(
        id="worst-script",
        rule="of several scripts the one that costs most counts; names below vercel.app or "
        "github.io are sites of their own",
        reason="the reference takes a pinned script over http for less than an unpinned one "
        "over https",
    ),
    Divergence(
        id="unreadable-integrity",
        rule="an integrity attribute without a SHA-256, SHA-384 or SHA-512 hash pins nothing",
        reason="browsers ignore what they cannot read there",
    ),
    Divergence(
        id="unknown-policy",
        rule="a policy without any known directive, or with a source or character that cannot be "
        "parsed, is invalid",
        reason="browsers drop what they don't understand: what is in force is not what was meant",
    ),
    Divergence(
        id="duplicate-reports",
        rule="duplicate report directives never make a result better",
        reason="the reference lets them hide pictures over http",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was seen of one route; None means that it could not be or was not looked at.

    `led_here` are the redirects before the response: their cookies count too.
    """

    response: Response
    way_in: WayIn | None = None
    way_in_reason: str = "not looked at"
    cors: Response | None = None
    cors_reason: str = "not looked at"
    bad_certificate: bool = False
    stale_nonces: frozenset[str] = frozenset()
    authenticated: bool = False
    led_here: tuple[Response, ...] = ()
    preloaded: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Grade:
    """A route's judgements with the score and the letter that follow."""

    url: str
    status: int
    judgements: tuple[Judgement, ...]
    score: int = field(default=0)
    letter: str = GRADES[-1]


def grade(evidence: Evidence, *, profile: Profile) -> Grade:
    """Judge everything that was seen of one route."""
    judgements = _judge_all(evidence, profile=profile)
    total = score(judgements)
    return Grade(
        url=evidence.response.url,
        status=evidence.response.status,
        judgements=judgements,
        score=total,
        letter=letter_of(total),
    )


def score(judgements: Iterable[Judgement]) -> int:
    """Return the score: bonuses count only where the penalties leave 90 or more."""
    modifiers = [judgement.score_modifier for judgement in judgements]
    penalised = BASE_SCORE + sum(m for m in modifiers if m < 0)
    bonus = sum(m for m in modifiers if m > 0) if penalised >= BONUS_FROM else 0
    total = max(penalised + bonus, 0)
    return total - total % _STEP


def letter_of(points: int) -> str:
    """Return the letter of a score."""
    return next(letter for floor, letter in _LETTERS if points >= floor)


def is_worse(letter: str, than: str) -> bool:
    """Tell whether one letter is worse than another."""
    return GRADES.index(letter) > GRADES.index(than)


def _judge_all(evidence: Evidence, *, profile: Profile) -> tuple[Judgement, ...]:
    strict = profile is Profile.KULTI
    response = evidence.response
    page = read_page(response.text) if response.is_html or not response.media_type else Page()
    https = response.url.startswith("https:")
    header = parse_policies(response.values("content-security-policy"))
    policies = (*header, *parse_policies(page.meta_csp, in_meta=True))
    hsts = judge_hsts(
        response,
        strict=strict,
        bad_certificate=evidence.bad_certificate,
        listed=evidence.preloaded,
    )
    judgements = (
        judge_csp(
            policies,
            report_only=bool(response.values("content-security-policy-report-only")),
            https=https,
            strict=strict,
            stale_nonces=evidence.stale_nonces,
        ),
        judge_cookies(
            [v for r in (*evidence.led_here, response) for v in r.values("set-cookie")],
            hsts=hsts.result in {Result.HSTS_LONG, Result.HSTS_PRELOADED},
        ),
        _cors(evidence),
        _redirection(evidence),
        judge_referrer(response, page.meta_referrer),
        hsts,
        judge_integrity(response, page, strict=strict),
        judge_sniffing(response),
        judge_framing(response, () if any(map(is_malformed, policies)) else header, strict=strict),
        judge_corp(response),
        judge_coep(response),
        judge_coop(response),
    )
    return (*judgements, *_remarks(evidence)) if strict else judgements


def _cors(evidence: Evidence) -> Judgement:
    if evidence.cors is None:
        return not_seen("cross-origin-resource-sharing", evidence.cors_reason)
    return judge_cors(evidence.cors)


def _redirection(evidence: Evidence) -> Judgement:
    if evidence.way_in is None:
        return not_seen("redirection", evidence.way_in_reason)
    return judge_redirection(evidence.way_in, listed=evidence.preloaded)


def _remarks(evidence: Evidence) -> tuple[Judgement, ...]:
    response = evidence.response
    return (
        judge_permissions(response),
        judge_xss_protection(response),
        judge_banners(response),
        judge_caching(response, authenticated=evidence.authenticated),
    )
