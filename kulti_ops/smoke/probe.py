"""What a probe is: an id, tags, and a function from a site to one verdict.

Adding one is a function and its name in `probes.PROBES`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin

from kulti_ops.http import fetch_patiently
from kulti_ops.message import Request, Response
from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.gatekeeper import is_kept_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from kulti_ops.http import Client, Patience
    from kulti_ops.message import Headers

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """What is still good: latency in seconds, and how often to measure it; the headers' grade."""

    page_s: float = 2.0
    api_s: float = 0.5
    samples: int = 5
    min_grade: str = "B"


@dataclass(frozen=True, kw_only=True)
class Site:
    """The site under test and what is known about it. Credentials go to its origin only.

    `account` signs a test account in.
    """

    base_url: str
    http_url: str | None = None
    is_own: bool = False
    budgets: Budgets = field(default_factory=Budgets)
    webhook_secret: str = field(default="", repr=False)
    credentials: Headers = field(default=(), repr=False)
    account: Headers = field(default=(), repr=False)
    preloaded: frozenset[str] = frozenset()
    size_limited: tuple[str, ...] = surface.SIZE_LIMITED


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One answer under the name of its route, such as "GET /login"; never with a query."""

    probe: str
    route: str
    response: Response


@dataclass(kw_only=True)
class Trail:
    """What one probe has met: answers by route, and the seconds that it was asked to wait.

    `kept_out` counts the answers that were a gatekeeper's where the application's was wanted.
    """

    answers: list[tuple[str, Response]] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)
    kept_out: int = 0


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a probe gets. `apart` is a client whose connections no other probe uses."""

    client: Client
    apart: Client
    site: Site
    home: Response
    patience: Patience
    now_s: int
    asked_for: frozenset[str] = frozenset()
    trail: Trail = field(default_factory=Trail)

    async def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        body: bytes | None = None,
        headers: Headers = (),
        credentials: Headers = (),
        name: str | None = None,
        at_once: bool = False,
    ) -> Response:
        """Make one exchange with the site; a redirect is an answer.

        A read that the site asks to repeat later is repeated once, unless `at_once`.
        `name` stands for a path that changes with every deploy. Raises: ExchangeError.
        """
        kind = (("Content-Type", "application/json"),) if body is not None else ()
        request = Request(
            url=urljoin(self.site.base_url, path),
            method=method,
            headers=(*kind, *headers),
            credentials=(*self.site.credentials, *credentials),
            body=body,
        )
        if at_once:
            answer, waited_s = await self.client.fetch(request), None
        else:
            answer, waited_s = await fetch_patiently(self.client, request, self.patience)
        self.trail.answers.append((f"{method} {name or path.partition('?')[0]}", answer))
        self.trail.kept_out += not at_once and is_kept_out(answer)
        if waited_s is not None:
            self.trail.waited_s.append(waited_s)
        return answer


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One probe; `ask` may raise ExchangeError, which is a finding of its own.

    `steady` says that the same site answers it the same every time: a baseline keeps that.
    """

    id: str
    tags: frozenset[str]
    ask: Callable[[Context], Awaitable[CheckResult]]
    steady: bool = False


async def together(actions: Iterable[Awaitable[T]]) -> list[T]:
    """Return what all come to; when one fails, the others are ended before its error is raised."""
    tasks = [asyncio.ensure_future(action) for action in actions]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def ok(summary: str, **evidence: Any) -> CheckResult:  # noqa: ANN401 - figures of any kind
    """Return a good verdict; the runner puts the probe's id in."""
    return CheckResult(id="", status=Verdict.OK, summary=summary, evidence=evidence)


def skipped(reason: str, *, advice: str | None = None) -> CheckResult:
    """Return that a probe does not apply, and why."""
    return CheckResult(id="", status=Verdict.SKIPPED, summary=reason, next=advice)


def undone() -> CheckResult:
    """Return that the budget was used up before a verdict."""
    text = "not done within the budget"
    return finding(text, status=Verdict.UNKNOWN, advice="allow more with --budget")


def finding(
    summary: str,
    *,
    advice: str | None = None,
    status: Verdict = Verdict.CRIT,
    evidence: Mapping[str, Any] | None = None,
) -> CheckResult:
    """Return a verdict that somebody has to act on."""
    return CheckResult(id="", status=status, summary=summary, next=advice, evidence=evidence or {})


def verdict(faults: list[str], good: str, *, advice: str) -> CheckResult:
    """Return crit with the faults, or ok."""
    return finding("; ".join(faults), advice=advice) if faults else ok(good)


def named(result: CheckResult, probe: str, *, duration_s: float = 0.0) -> CheckResult:
    """Return a result under its probe's id."""
    return replace(result, id=probe, duration_s=duration_s)
