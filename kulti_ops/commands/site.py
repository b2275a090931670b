"""What the smoke commands take from options and settings: the site, the client, the probes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.message import origin_of

if TYPE_CHECKING:
    from kulti_ops.edge import Invocation
    from kulti_ops.http import Policy
    from kulti_ops.message import Headers
    from kulti_ops.smoke.certificates import Limits
    from kulti_ops.smoke.probe import Probe, Site
    from kulti_ops.smoke.selection import Order, Selection

CafileOption = Annotated[
    Path | None,
    typer.Option("--cafile", help="PEM file of a CA to trust instead of the system's."),
]


def own_probes(file: Path) -> tuple[Probe, ...]:
    """Return the probes of a TOML file.

    Raises: NotFoundError when it cannot be read, ConfigError when a probe is wrong.
    """
    from kulti_ops.errors import NotFoundError
    from kulti_ops.smoke.own import parse_own
    from kulti_ops.smoke.regressions import IDS as BASELINE_IDS
    from kulti_ops.smoke.selection import IDS

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(f"cannot read {file}") from error
    return parse_own(text, taken=frozenset({*IDS, *BASELINE_IDS}))


def selection_of(
    tag: str | None, only: list[str], skip: list[str], *, own: tuple[Probe, ...]
) -> Selection:
    """Return which probes run.

    Raises: UsageError for an id or a tag that there is not.
    """
    from kulti_ops.errors import UsageError
    from kulti_ops.smoke.own import TAG
    from kulti_ops.smoke.selection import IDS, TAGS, Selection

    known = (*IDS, *(probe.id for probe in own))
    wrong = sorted({*only, *skip} - set(known))
    if wrong:
        raise UsageError(f"no probe {wrong[0]!r}", hint=f"one of {', '.join(known)}")
    if tag is not None and tag not in {*TAGS, TAG}:
        raise UsageError(f"no tag {tag!r}", hint=f"one of {', '.join((*TAGS, TAG))}")
    return Selection(tag=tag, only=frozenset(only), skip=frozenset(skip))


def order_of(
    run: Invocation,
    site: str,
    selection: Selection,
    *,
    budget: str,
    fail_fast: bool,
    cafile: Path | None,
) -> Order:
    """Return the run that options and settings ask for."""
    from kulti_ops.duration import parse_duration
    from kulti_ops.message import host_of, is_loopback_host
    from kulti_ops.services.statuspage import parse_pages
    from kulti_ops.smoke.selection import Order

    settings = run.settings
    pages = parse_pages(settings.status_pages)
    host = host_of(site)
    return Order(
        site=known_site(run, site),
        policy=policy_of(run, site, settings.http_url or "", *pages.values(), cafile=cafile),
        status_pages=pages,
        selection=selection,
        budget_s=parse_duration(budget),
        fail_fast=fail_fast,
        certificate=limits_of(run),
        tls_private=is_loopback_host(host) or host in settings.private_host_names,
    )


def limits_of(
    run: Invocation, *, warn_percent: float | None = None, crit_percent: float | None = None
) -> Limits:
    """Return when a certificate's end is near: as given, else as set.

    Raises: UsageError when crit would come before warn.
    """
    from kulti_ops.errors import UsageError
    from kulti_ops.smoke.certificates import Limits

    settings = run.settings
    limits = Limits(
        warn_percent=settings.cert_warn_percent if warn_percent is None else warn_percent,
        crit_percent=settings.cert_crit_percent if crit_percent is None else crit_percent,
    )
    if limits.crit_percent > limits.warn_percent:
        raise UsageError(
            "a certificate would be crit before it is warn",
            hint="see --warn-below and --crit-below, KULTI_OPS_CERT_WARN_PERCENT and _CRIT_",
        )
    return limits


def known_site(run: Invocation, url: str) -> Site:
    """Return the site with what the settings know of it."""
    from kulti_ops.message import host_of, is_loopback_host
    from kulti_ops.smoke.probe import Budgets, Site

    settings = run.settings
    secret = settings.hms_app_secret
    return Site(
        base_url=origin_of(url),
        http_url=http_side_of(run, url),
        is_own=is_loopback_host(host_of(url)),
        budgets=Budgets(
            page_s=settings.page_budget_s,
            api_s=settings.api_budget_s,
            samples=settings.latency_samples,
            min_grade=settings.min_grade,
        ),
        webhook_secret=secret.get_secret_value() if secret else "",
        credentials=bypass_of(run, url),
        account=account_of(run),
        size_limited=settings.size_limited_paths,
        preloaded=settings.hsts_preloaded_hosts,
    )


def http_side_of(run: Invocation, url: str) -> str | None:
    """Return where a site's http side is: as set for this very host, else on the usual port."""
    from urllib.parse import urlsplit

    from kulti_ops.message import DEFAULT_PORTS, host_of

    known, parts = run.settings.http_url, urlsplit(url)
    if known and host_of(known) == host_of(url):
        return known
    if parts.scheme != "https" or parts.port not in {None, DEFAULT_PORTS["https"]}:
        return None
    return f"http://{origin_of(url).removeprefix('https://')}/"


def bypass_of(run: Invocation, url: str) -> Headers:
    """Return the header that lets us into a protected deployment; none over plain http."""
    from kulti_ops.message import host_of, is_loopback_host

    bypass = run.settings.protection_bypass
    if bypass is None or not (url.startswith("https:") or is_loopback_host(host_of(url))):
        return ()
    return (("x-vercel-protection-bypass", bypass.get_secret_value()),)


def account_of(run: Invocation) -> Headers:
    """Return the header that signs the test account in; none without one.

    Raises: ConfigError when it is no Cookie header: it would be sent and refused.
    """
    import re

    from kulti_ops.errors import ConfigError

    if run.settings.test_account_cookie is None:
        return ()
    cookie = run.settings.test_account_cookie.get_secret_value().strip()
    if not all(re.fullmatch(r"[!-<>-~]+=[!-~]*", part.strip()) for part in cookie.split(";")):
        raise ConfigError(
            "KULTI_OPS_TEST_ACCOUNT_COOKIE is no Cookie header",
            hint="copy the request's Cookie header from the browser: NAME=VALUE; NAME=VALUE",
        )
    return (("Cookie", cookie),)


def site_of(run: Invocation, url: str | None) -> str:
    """Return the site's URL: the given one, else the platform's own setting.

    Raises: UsageError when there is none, or it carries credentials.
    """
    from urllib.parse import urlsplit

    from kulti_ops.errors import UsageError
    from kulti_ops.message import is_host

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
    if not is_host(parts.hostname):
        raise UsageError("the URL names no host", hint="give a full URL")
    return site


def policy_of(run: Invocation, *urls: str, cafile: Path | None = None) -> Policy:
    """Return what the HTTP client may do; loopback only when a URL names it."""
    from kulti_ops.http import Policy, own_loopback

    return Policy(
        private_hosts=own_loopback(*urls) | run.settings.private_host_names,
        cafile=cafile or run.settings.cafile,
    )
