"""`smoke headers`: the grade of a site's security headers."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.commands.site import (
    CafileOption,
    account_of,
    bypass_of,
    http_side_of,
    policy_of,
    site_of,
)
from kulti_ops.edge import Invocation  # noqa: TC001 - typer reads the annotations
from kulti_ops.report import Outcome
from kulti_ops.signals import run_unwinding
from kulti_ops.smoke.grade import GRADES, Profile

if TYPE_CHECKING:
    from kulti_ops.smoke.survey import Survey

EXAMPLES = (
    "kulti-ops smoke headers https://kulti.example",
    "kulti-ops smoke headers https://kulti.example --min-grade B --route /watch",
    "curl -si https://kulti.example | kulti-ops smoke headers --from-file -",
)
EXITS = "2 no URL; 5 no answer"


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


def _saved(run: Invocation, file: Path, *, url: str | None, profile: Profile) -> Survey:
    import sys
    from dataclasses import replace

    from kulti_ops.errors import NotFoundError
    from kulti_ops.smoke.gatekeeper import is_kept_out, is_protection
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
    response = replace(response, truncated=len(content) == limit)
    reason = "a saved response does not show it"
    evidence = Evidence(
        response=response,
        way_in_reason=reason,
        cors_reason=reason,
        preloaded=run.settings.hsts_preloaded_hosts,
    )
    page = grade(evidence, profile=profile)
    return Survey(page=page, is_kept_out=is_kept_out(response) or is_protection(response))


def _surveyed(
    run: Invocation,
    url: str | None,
    *,
    profile: Profile,
    routes: tuple[str, ...],
    http_url: str | None,
    cafile: Path | None,
) -> Survey:
    from kulti_ops.smoke.routes import Errand, survey

    site = site_of(run, url)
    errand = Errand(
        url=site,
        routes=routes,
        profile=profile,
        http_url=http_url or http_side_of(run, site),
        preloaded=run.settings.hsts_preloaded_hosts,
        account=account_of(run),
        credentials=bypass_of(run, site),
    )
    policy = policy_of(run, site, errand.http_url or "", cafile=cafile)
    return run_unwinding(survey(errand, policy))
