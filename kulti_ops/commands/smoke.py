"""`smoke`: run, wait, headers, tls, env."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.commands.site import (
    known_site,
    order_of,
    own_probes,
    policy_of,
    selection_of,
    site_of,
)
from kulti_ops.edge import Invocation, command, group
from kulti_ops.message import origin_of
from kulti_ops.report import Outcome
from kulti_ops.smoke.grade import GRADES, Profile

if TYPE_CHECKING:
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
def run_(  # noqa: PLR0913, PLR0917 - the command's options
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
    probes: Annotated[
        Path | None, typer.Option("--probes", help="A TOML file with probes of your own.")
    ] = None,
    cafile: CafileOption = None,
) -> Outcome:
    """Probe the site: after a deploy, is it well, and whose fault is it if not.

    Writes nothing and sends no SMS. The rate limit of a site that is not on loopback is
    probed only when it is asked for by name.
    """
    import asyncio
    from dataclasses import replace

    from kulti_ops.smoke.run import run_smoke

    site = site_of(run, base_url)
    own = own_probes(probes) if probes else ()
    selection = selection_of(tag, only or [], skip or [], own=own)
    order = order_of(run, site, selection, budget=budget, fail_fast=fail_fast, cafile=cafile)
    done = asyncio.run(run_smoke(replace(order, own=own), now=run.now))
    return Outcome(results=done.results, data={"base_url": origin_of(site)})


@command(
    app,
    "wait",
    checks=True,
    examples=("kulti-ops smoke wait --sha 1a2b3c4 --timeout 10m",),
    exits="2 no URL",
)
def wait(
    run: Invocation,
    sha: Annotated[str, typer.Option("--sha", help="The commit that was deployed.")],
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="The site.", show_default="NEXT_PUBLIC_APP_URL"),
    ] = None,
    timeout: Annotated[
        str, typer.Option("--timeout", help="How long to wait.", metavar="10m")
    ] = "10m",
    cafile: CafileOption = None,
) -> Outcome:
    """Wait until the site serves a commit, by its version header or health endpoint.

    Crit when another version is served until the end, unknown when the site tells none.
    """
    import asyncio

    from kulti_ops.duration import parse_duration
    from kulti_ops.smoke.waiting import wait_for

    url = site_of(run, base_url)
    result = asyncio.run(
        wait_for(
            known_site(run, url),
            sha,
            policy=policy_of(run, url, cafile=cafile),
            header=run.settings.version_header,
            timeout_s=parse_duration(timeout),
        )
    )
    return Outcome(results=(result,), data={"base_url": origin_of(url), "sha": sha})


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
