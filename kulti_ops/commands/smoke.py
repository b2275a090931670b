"""`smoke`: run, wait, headers, tls, env."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from kulti_ops.commands import smoke_headers, smoke_run
from kulti_ops.commands.site import CafileOption, known_site, limits_of, policy_of, site_of
from kulti_ops.edge import Invocation, command, group
from kulti_ops.message import origin_of
from kulti_ops.report import Outcome
from kulti_ops.signals import run_unwinding

app = group("smoke", "Look at the site from outside: is it well, and whose fault is it if not.")

command(app, "run", checks=True, examples=smoke_run.EXAMPLES, exits=smoke_run.EXITS)(smoke_run.run_)


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
    from kulti_ops.duration import parse_duration
    from kulti_ops.errors import UsageError
    from kulti_ops.smoke.waiting import SHORTEST_SHA, wait_for

    if len(sha.strip()) < SHORTEST_SHA:
        text = f"--sha needs {SHORTEST_SHA} characters or more"
        raise UsageError(text, hint="git rev-parse HEAD; in a pipeline its own variable")
    url = site_of(run, base_url)
    result = run_unwinding(
        wait_for(
            known_site(run, url),
            sha,
            policy=policy_of(run, url, cafile=cafile),
            header=run.settings.version_header,
            now=run.now,
            timeout_s=parse_duration(timeout),
        )
    )
    return Outcome(results=(result,), data={"base_url": origin_of(url), "sha": sha})


command(app, "headers", checks=True, examples=smoke_headers.EXAMPLES, exits=smoke_headers.EXITS)(
    smoke_headers.headers
)


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
        float | None,
        typer.Option(
            "--warn-below",
            help="Per cent of its lifetime left.",
            min=0,
            max=100,
            show_default="20, or as set",
        ),
    ] = None,
    crit_below: Annotated[
        float | None,
        typer.Option(
            "--crit-below",
            help="Per cent of its lifetime left.",
            min=0,
            max=100,
            show_default="10, or as set",
        ),
    ] = None,
) -> Outcome:
    """Check a server's certificate and protocols: chain, hostname, expiry, versions, key.

    Follows no redirect: the certificate of this very host is judged.
    """
    from urllib.parse import urlsplit

    from kulti_ops.message import is_loopback_host
    from kulti_ops.smoke.certificates import judge_tls
    from kulti_ops.tls import look

    limits = limits_of(run, warn_percent=warn_below, crit_percent=crit_below)
    given = host if host and "://" in host else f"https://{host}" if host else None
    parts = urlsplit(site_of(run, given))
    name = parts.hostname or ""
    sight = look(
        name,
        parts.port or 443,
        cafile=cafile or run.settings.cafile,
        private=is_loopback_host(name) or name in run.settings.private_host_names,
    )
    found = sight.certificate
    return Outcome(
        results=judge_tls(sight, now=run.now, limits=limits),
        data={
            "host": sight.host,
            "port": sight.port,
            "subject": found.subject,
            "issuer": found.issuer,
            "names": (*found.names, *found.addresses),
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
    from kulti_ops.smoke.environment import judge_environment, judge_file

    found = variables_of(file)
    written = (judge_file(found.repeated, found.unreadable_lines),) if file else ()
    return Outcome(results=(*written, *judge_environment(found.values, now=run.now)))
