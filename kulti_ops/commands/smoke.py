"""`smoke`: run, headers, tls, env."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.edge import Invocation, command, group
from kulti_ops.message import origin_of
from kulti_ops.report import Outcome
from kulti_ops.smoke.grade import GRADES, Profile

if TYPE_CHECKING:
    from kulti_ops.http import Policy
    from kulti_ops.smoke.probe import Site
    from kulti_ops.smoke.run import Order, Selection
    from kulti_ops.smoke.survey import Survey

app = group("smoke", "Look at the site from outside: is it well, and whose fault is it if not.")

CafileOption = Annotated[
    Path | None,
    typer.Option("--cafile", help="PEM file of a CA to trust instead of the system's."),
]


@command(
    app,
    "run",
    checks=True,
    examples=(
        "kulti-ops smoke run",
        "kulti-ops smoke run --base-url https://preview.kulti.example --fail-fast",
        "kulti-ops smoke run --only rate-limit --format json",
    ),
    exits="2 no URL, or no such probe",
)
def run_(
    run: Invocation,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="The site.", show_default="NEXT_PUBLIC_APP_URL"),
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only probes with this tag.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Only this probe (may be repeated).", metavar="ID"),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option("--skip", help="Not this probe (may be repeated).", metavar="ID"),
    ] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first crit.")] = False,
    budget: Annotated[
        str, typer.Option("--budget", help="Time for the whole run.", metavar="30s")
    ] = "30s",
    cafile: CafileOption = None,
) -> Outcome:
    """Probe the site: after a deploy, is it well, and whose fault is it if not.

    Writes nothing and sends no SMS. The rate limit of a site that is not on loopback is
    probed only when it is asked for by name.
    """
    import asyncio

    from kulti_ops.smoke.run import run_smoke

    site = site_of(run, base_url)
    selection = _selection(tag, only or [], skip or [])
    order = _order(run, site, selection, budget=budget, fail_fast=fail_fast, cafile=cafile)
    results = asyncio.run(run_smoke(order, now=run.now))
    return Outcome(results=results, data={"base_url": origin_of(site)})


def _selection(tag: str | None, only: list[str], skip: list[str]) -> Selection:
    from kulti_ops.errors import UsageError
    from kulti_ops.smoke.run import IDS, TAGS, Selection

    wrong = sorted({*only, *skip} - set(IDS))
    if wrong:
        raise UsageError(f"no probe {wrong[0]!r}", hint=f"one of {', '.join(IDS)}")
    if tag is not None and tag not in TAGS:
        raise UsageError(f"no tag {tag!r}", hint=f"one of {', '.join(TAGS)}")
    return Selection(tag=tag, only=frozenset(only), skip=frozenset(skip))


def _order(
    run: Invocation,
    site: str,
    selection: Selection,
    *,
    budget: str,
    fail_fast: bool,
    cafile: Path | None,
) -> Order:
    from kulti_ops.duration import parse_duration
    from kulti_ops.message import host_of, is_loopback_host
    from kulti_ops.services.statuspage import parse_pages
    from kulti_ops.smoke.run import Order

    settings = run.settings
    pages = parse_pages(settings.status_pages)
    host = host_of(site)
    return Order(
        site=_site(run, site),
        policy=policy_of(run, site, settings.http_url or "", *pages.values(), cafile=cafile),
        status_pages=pages,
        selection=selection,
        budget_s=parse_duration(budget),
        fail_fast=fail_fast,
        tls_private=is_loopback_host(host) or host in settings.private_host_names,
    )


def _site(run: Invocation, url: str) -> Site:
    """Return the site with what the settings know of it."""
    from urllib.parse import urlsplit

    from kulti_ops.message import DEFAULT_PORTS, is_loopback_host
    from kulti_ops.smoke.probe import Budgets, Site

    settings, parts = run.settings, urlsplit(url)
    usual = parts.scheme == "https" and parts.port in {None, DEFAULT_PORTS["https"]}
    secret, bypass = settings.hms_app_secret, settings.protection_bypass
    header = "x-vercel-protection-bypass"
    return Site(
        base_url=origin_of(url),
        http_url=settings.http_url or (f"http://{parts.hostname}/" if usual else None),
        is_own=is_loopback_host(parts.hostname or ""),
        budgets=Budgets(
            page_s=settings.page_budget_s,
            api_s=settings.api_budget_s,
            min_grade=settings.min_grade,
        ),
        webhook_secret=secret.get_secret_value() if secret else "",
        credentials=((header, bypass.get_secret_value()),) if bypass else (),
        preloaded=settings.hsts_preloaded_hosts,
    )


@command(
    app,
    "headers",
    checks=True,
    examples=(
        "kulti-ops smoke headers https://kulti.example",
        "kulti-ops smoke headers https://kulti.example --min-grade B --route /watch",
        "curl -si https://kulti.example | kulti-ops smoke headers --from-file -",
    ),
    exits="2 no URL; 5 no answer",
)
def headers(
    run: Invocation,
    url: Annotated[str | None, typer.Argument(help="The page to look at.")] = None,
    profile: Annotated[
        Profile, typer.Option("--profile", help="Our own rules, or the reference's.")
    ] = Profile.KULTI,
    min_grade: Annotated[
        str | None, typer.Option("--min-grade", help="A lower grade is crit.", metavar="B")
    ] = None,
    route: Annotated[
        list[str] | None,
        typer.Option("--route", help="Another path to grade (may be repeated).", metavar="PATH"),
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option("--from-file", help="Grade a saved response (curl -si); - is stdin."),
    ] = None,
    http_url: Annotated[
        str | None,
        typer.Option("--http-url", help="The http side, where it is not on port 80."),
    ] = None,
    cafile: CafileOption = None,
) -> Outcome:
    """Grade a site's security headers, on the page and on routes of every other kind.

    The grade is the MDN HTTP Observatory's; the profile kulti is stricter where browsers
    are, and looks at what a video platform needs.
    """
    from kulti_ops.errors import UsageError
    from kulti_ops.smoke.verdicts import data_of, results_of

    if min_grade is not None and min_grade.upper() not in GRADES:
        raise UsageError(f"no grade {min_grade!r}", hint=f"one of {', '.join(GRADES)}")
    if from_file is not None:
        survey = _saved(run, from_file, url=url, profile=profile)
    else:
        survey = _surveyed(
            run, url, profile=profile, routes=tuple(route or ()), http_url=http_url, cafile=cafile
        )
    results = results_of(survey, min_grade=min_grade.upper() if min_grade else None)
    return Outcome(results=results, data=data_of(survey, profile=profile))


@command(
    app,
    "tls",
    checks=True,
    examples=(
        "kulti-ops smoke tls kulti.example",
        "kulti-ops smoke tls 127.0.0.1:8443 --cafile ca.pem --format json",
    ),
    exits="2 no host; 5 it cannot be reached; 6 a private address that was not allowed",
)
def tls(
    run: Invocation,
    host: Annotated[
        str | None, typer.Argument(help="Server to look at.", metavar="HOST[:PORT]")
    ] = None,
    cafile: CafileOption = None,
    warn_below: Annotated[
        float, typer.Option("--warn-below", help="Per cent of its lifetime left.", min=0, max=100)
    ] = 20.0,
    crit_below: Annotated[
        float, typer.Option("--crit-below", help="Per cent of its lifetime left.", min=0, max=100)
    ] = 10.0,
) -> Outcome:
    """Check a server's certificate and protocols: chain, hostname, expiry, versions, key.

    Follows no redirect: the certificate of this very host is judged.
    """
    from urllib.parse import urlsplit

    from kulti_ops.message import is_loopback_host
    from kulti_ops.smoke.certificates import Limits, judge_tls
    from kulti_ops.tls import look

    given = host if host and "://" in host else f"https://{host}" if host else None
    parts = urlsplit(site_of(run, given))
    name = parts.hostname or ""
    sight = look(
        name,
        parts.port or 443,
        cafile=cafile or run.settings.cafile,
        private=is_loopback_host(name) or name in run.settings.private_host_names,
    )
    limits = Limits(warn_percent=warn_below, crit_percent=crit_below)
    found = sight.certificate
    return Outcome(
        results=judge_tls(sight, now=run.now, limits=limits),
        data={
            "host": sight.host,
            "port": sight.port,
            "subject": found.subject,
            "issuer": found.issuer,
            "names": found.names,
            "not_after": found.not_after,
            "protocols": dict(sight.versions),
        },
    )


@command(
    app,
    "env",
    checks=True,
    examples=(
        "kulti-ops smoke env --file .env.production",
        "vercel env pull .env.check && kulti-ops smoke env --file .env.check",
    ),
    exits="5 the file cannot be read",
)
def env(
    run: Invocation,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="A file of variables.", show_default="the environment"),
    ] = None,
) -> Outcome:
    """Check the platform's environment variables: present, well-formed, not mixed up.

    Never prints a value.
    """
    from kulti_ops.config import variables_of
    from kulti_ops.smoke.environment import judge_environment

    return Outcome(results=judge_environment(variables_of(file), now=run.now))


def _saved(run: Invocation, file: Path, *, url: str | None, profile: Profile) -> Survey:
    import sys

    from kulti_ops.errors import NotFoundError
    from kulti_ops.smoke.grade import Evidence, grade
    from kulti_ops.smoke.saved import parse_saved
    from kulti_ops.smoke.survey import Survey

    limit = 4_000_000
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(limit)
        else:
            with file.open("rb") as handle:
                content = handle.read(limit)
    except OSError as error:
        raise NotFoundError(f"cannot read {file}: {error.strerror or error}") from error
    response = parse_saved(content, url=url or "https://saved.invalid/")
    reason = "a saved response does not show it"
    evidence = Evidence(
        response=response,
        way_in_reason=reason,
        cors_reason=reason,
        preloaded=run.settings.hsts_preloaded_hosts,
    )
    return Survey(page=grade(evidence, profile=profile))


def _surveyed(
    run: Invocation,
    url: str | None,
    *,
    profile: Profile,
    routes: tuple[str, ...],
    http_url: str | None,
    cafile: Path | None,
) -> Survey:
    import asyncio

    from kulti_ops.smoke.routes import Errand, survey

    site = site_of(run, url)
    errand = Errand(
        url=site,
        routes=routes,
        profile=profile,
        http_url=http_url,
        preloaded=run.settings.hsts_preloaded_hosts,
    )
    policy = policy_of(run, site, http_url or "", cafile=cafile)
    return asyncio.run(survey(errand, policy))


def site_of(run: Invocation, url: str | None) -> str:
    """Return the site's URL: the given one, else the platform's own setting.

    Raises: UsageError when there is none, or it carries credentials.
    """
    from urllib.parse import urlsplit

    from kulti_ops.errors import UsageError

    site = url or run.settings.app_url
    if not site:
        raise UsageError("no URL", hint="give one, or set NEXT_PUBLIC_APP_URL")
    if "://" not in site:
        site = f"https://{site}"
    try:
        parts = urlsplit(site)
        _ = parts.port
    except ValueError as error:
        raise UsageError("the URL cannot be understood", hint="give a full URL") from error
    if parts.username or parts.password:
        raise UsageError("the URL holds credentials", hint="give it without them")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError("the URL is neither http nor https", hint="give a full URL")
    return site


def policy_of(run: Invocation, *urls: str, cafile: Path | None = None) -> Policy:
    """Return what the HTTP client may do; loopback only when a URL names it."""
    from kulti_ops.http import Policy, own_loopback

    return Policy(
        private_hosts=own_loopback(*urls) | run.settings.private_host_names,
        cafile=cafile or run.settings.cafile,
    )
