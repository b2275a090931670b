"""Probes of pages: prerendered, protected, missing, static, and their headers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from kulti_ops.http import ExchangeError, Failure
from kulti_ops.message import Request, location_of, origin_of
from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.caching import lifetime_s
from kulti_ops.smoke.csp import parse_policies
from kulti_ops.smoke.gatekeeper import is_kept_out, let_through
from kulti_ops.smoke.grade import Evidence, Profile, grade, is_worse
from kulti_ops.smoke.page import own_scripts, read_page
from kulti_ops.smoke.probe import Context, finding, ok, skipped, together, verdict
from kulti_ops.smoke.results import Result

if TYPE_CHECKING:
    from kulti_ops.message import Response

# Two segments: no catch-all of the platform's covers them.
DEEP = "/kulti-ops-probe/no-such-page"
NOBODY = "kulti-ops-nobody"
SHALLOW = "/kulti-ops-no-such-agent"
_OK, _NOT_FOUND = 200, 404
_LONG_CACHE_S = 86_400
# What a network between the runner and the site can do to a port that it does not like.
_FILTERED = frozenset({Failure.TIMEOUT, Failure.UNREACHABLE})


async def pages(context: Context) -> CheckResult:
    """Check: the prerendered pages answer 200 with HTML."""
    answers = await together(context.ask(path) for path in surface.PAGES)
    faults = [
        f"{path} answers {answer.status}{_without(answer)}"
        for path, answer in let_through(zip(surface.PAGES, answers, strict=True))
        if answer.status != _OK or _without(answer)
    ]
    advice = "see the last deploy; these pages need no database"
    return verdict(faults, f"{len(answers)} pages answer 200", advice=advice)


def _without(answer: Response) -> str:
    """Return what a page lacks to be one."""
    if not answer.is_html:
        return " and no HTML"
    return "" if answer.body.strip() else " with an empty page"


async def protected_redirect(context: Context) -> CheckResult:
    """Check: protected pages send an anonymous visitor to the login, and nowhere else."""
    below = tuple(f"{prefix}{NOBODY}" for prefix in surface.PROTECTED_PREFIXES)
    paths = (*surface.PROTECTED_BY_PROXY, *below, *surface.PROTECTED_BY_PAGE)
    answers = await together(context.ask(path) for path in paths)
    faults, lost = [], []
    for path, answer in let_through(zip(paths, answers, strict=True)):
        if answer.status not in {302, 303, 307, 308}:
            faults.append(f"{path} answers {answer.status} without a login")
            continue
        url = location_of(answer) or ""
        target = urlsplit(url)
        back = parse_qs(target.query).get("redirectTo", [""])[0]
        if origin_of(url) != origin_of(answer.url) or target.path != surface.LOGIN:
            faults.append(f"{path} leads elsewhere than {surface.LOGIN}")
        elif back and back != path:
            faults.append(f"{path} leads to {surface.LOGIN} and back to another page")
        elif not back and path not in surface.PROTECTED_BY_PAGE:
            lost.append(path)
    advice = "check the proxy and the pages' own guards"
    if lost and not faults:
        text = f"{', '.join(lost)} leads to {surface.LOGIN} without the way back"
        return finding(text, advice=advice, status=Verdict.WARN)
    return verdict(faults, f"{len(paths)} pages lead to {surface.LOGIN}", advice=advice)


async def deep_404(context: Context) -> CheckResult:
    """Check: a deep path that does not exist is 404."""
    answer = await context.ask(DEEP)
    if answer.status == _NOT_FOUND:
        return ok("an unknown path of two segments answers 404")
    if answer.status == _OK:
        return skipped("it answers 200 with a page: see soft-404")
    return finding(f"an unknown path answers {answer.status}", advice="see the last deploy")


async def soft_404(context: Context) -> CheckResult:
    """Check: what does not exist is not answered with a page; the agents' catch-all is known."""
    deep, shallow = await together((context.ask(DEEP), context.ask(SHALLOW)))
    if deep.status == _OK:
        return finding(
            "paths that do not exist answer 200 with a page",
            advice="let not-found answer 404: monitors and search engines take 200 for a page",
        )
    catches = shallow.status == _OK
    return ok(
        "the catch-all for agents' names answers 200 for any single segment, as it is known to: "
        "a 200 there proves nothing"
        if catches
        else "no path that does not exist answers 200",
        catch_all=catches,
    )


async def https_redirect(context: Context) -> CheckResult:
    """Check: http leads to https on the same host, at the first step."""
    if context.site.http_url is None:
        return skipped("https is on a port of its own: set KULTI_OPS_HTTP_URL")
    try:
        answer = await context.client.fetch(Request(url=context.site.http_url))
    except ExchangeError as error:
        if error.failure is Failure.REFUSED:
            return ok("nothing answers on http")
        if error.failure in _FILTERED:
            text = f"{error.message}: a firewall on the way, or the site"
            advice = "look at http from another network"
            return finding(text, status=Verdict.UNKNOWN, advice=advice)
        raise
    return judge_way(answer)


def judge_way(answer: Response) -> CheckResult:
    """Return what the first answer on http comes to."""
    if is_kept_out(answer):
        text = f"http answers {answer.status}, a gatekeeper's: it cannot be told"
        return finding(text, status=Verdict.UNKNOWN, advice="try again later")
    target = urlsplit(location_of(answer) or "")
    here = urlsplit(answer.url)
    if target.scheme != "https":
        text = f"http answers {answer.status} and does not lead to https"
        return finding(text, advice="answer every http request with 308 to https")
    if target.hostname != here.hostname:
        return finding(
            f"http leads to another host first, {target.hostname}",
            advice="lead to https on the same host first",
            status=Verdict.WARN,
        )
    return ok(f"http leads to https ({answer.status})")


async def static(context: Context) -> CheckResult:
    """Check: a script of the site comes compressed and may be kept for long."""
    source = next(iter(own_scripts(read_page(context.home.text), context.home.url)), None)
    if source is None:
        return skipped("the home page loads no script of its own site")
    answer = await context.ask(source, name="(a script)")
    path = source.partition("?")[0]
    if answer.status != _OK:
        return finding(
            f"{path} answers {answer.status}", advice="deploy again: an asset is missing"
        )
    cache = (answer.value("cache-control") or "").lower()
    faults = []
    if not answer.value("content-encoding"):
        faults.append(f"{path} is not compressed")
    if lifetime_s(cache) < _LONG_CACHE_S:
        faults.append(f"{path} may not be kept ({cache or 'no Cache-Control'})")
    if faults:
        advice = "check the hosting's settings for static files"
        return finding("; ".join(faults), advice=advice, status=Verdict.WARN)
    return ok("compressed, and may be kept for long")


async def headers(context: Context) -> CheckResult:
    """Check: the security headers of the home page have the grade that is asked for.

    And none of them breaks anything: camera and microphone must stay allowed.
    """
    found = grade(
        Evidence(response=context.home, preloaded=context.site.preloaded), profile=Profile.KULTI
    )
    wanted = context.site.budgets.min_grade
    text = f"grade {found.letter}, {found.score} points, {wanted} is asked for"
    missing = not parse_policies(context.home.values("content-security-policy"))
    breaking = [j for j in found.judgements if j.result is Result.VIDEO_DENIED]
    if breaking:
        advice = "allow camera, microphone and display-capture to self: sessions break without"
        return finding(breaking[0].detail, advice=advice)
    if is_worse(found.letter, wanted):
        worst = sorted(found.judgements, key=lambda j: j.score_modifier)[:3]
        named = ", ".join(str(j.result) for j in worst if j.score_modifier < 0)
        advice = f"kulti-ops smoke headers {context.site.base_url}"
        return finding(f"{text}: {named}", advice=advice, evidence={"no_csp": missing})
    return ok(text, score=found.score, grade=found.letter)
