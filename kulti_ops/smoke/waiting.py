"""Waits until a site serves the version that was deployed, by a header or the health endpoint."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from kulti_ops.http import (
    Client,
    ExchangeError,
    Patience,
    Policy,
    fetch_patiently,
    open_client,
)
from kulti_ops.message import Request, Response
from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.smoke.probe import Site

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 10.0
# Git's own shortest usual abbreviation.
SHORTEST_SHA = 7


async def wait_for(
    site: Site,
    sha: str,
    *,
    policy: Policy,
    header: str,
    now: datetime,
    timeout_s: float,
    pause_s: float = FIRST_PAUSE_S,
) -> CheckResult:
    """Return ok when the site serves `sha`; crit when another version stays until the end."""
    patience = Patience(now=now, budget_s=timeout_s)
    seen = ""
    async with open_client(policy) as client:
        while True:
            version, trouble = await _told_in_time(client, site, header, patience)
            seen = version or seen
            if version and is_same(version, sha):
                return CheckResult(
                    id="version", status=Verdict.OK, summary=f"the site serves {sha}"
                )
            left_s = patience.left_s
            if not left_s:
                return _gave_up(seen, sha, trouble, header=header, timeout_s=timeout_s)
            await asyncio.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)


def is_same(version: str, sha: str) -> bool:
    """Tell whether two names of a commit mean the same one; either may be shortened."""
    first, second = version.strip().lower(), sha.strip().lower()
    if min(len(first), len(second)) < SHORTEST_SHA:
        return first == second
    return first.startswith(second) or second.startswith(first)


async def _told_in_time(
    client: Client, site: Site, header: str, patience: Patience
) -> tuple[str, str]:
    """Return the same as `_version`, within what is left of the budget."""
    try:
        async with asyncio.timeout(patience.left_s):
            return await _version(client, site, header, patience)
    except TimeoutError:
        return "", "it gave no answer in time"


async def _version(client: Client, site: Site, header: str, patience: Patience) -> tuple[str, str]:
    """Return the version that the site tells, and what kept it from telling."""
    try:
        home = await _ask(client, site, surface.HOME, patience)
        if value := home.value(header):
            return value, ""
        health = await _ask(client, site, surface.HEALTH[0], patience)
    except ExchangeError as error:
        return "", error.message
    body = health.json()
    version = body.get("version") if isinstance(body, dict) else None
    return (version, "") if isinstance(version, str) else ("", "")


async def _ask(client: Client, site: Site, path: str, patience: Patience) -> Response:
    """Ask for a path; a site that says when to come back is asked then."""
    request = Request(url=urljoin(site.base_url, path), credentials=site.credentials)
    answer, _ = await fetch_patiently(client, request, patience)
    return answer


def _gave_up(seen: str, sha: str, trouble: str, *, header: str, timeout_s: float) -> CheckResult:
    if seen:
        text = f"after {timeout_s:g} s the site still serves {seen[:40]}, not {sha}"
        return CheckResult(
            id="version",
            status=Verdict.CRIT,
            summary=text,
            next="see whether the deployment failed",
        )
    reason = trouble or f"it sends neither the header {header} nor a version in its health"
    return CheckResult(
        id="version",
        status=Verdict.UNKNOWN,
        summary=f"the site tells no version: {reason}",
        next=f"send {header}, or let {surface.HEALTH[0]} answer a version",
    )
