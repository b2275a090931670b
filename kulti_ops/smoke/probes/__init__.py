"""Every probe, in the order of the reports. No probe has a side effect, none sends an SMS."""

from __future__ import annotations

from kulti_ops.smoke.probe import Probe
from kulti_ops.smoke.probes.account import account
from kulti_ops.smoke.probes.api import (
    anonymous_401,
    cors,
    database,
    errors_leak,
    health,
    methods,
    size_limit,
)
from kulti_ops.smoke.probes.limiter import rate_limit
from kulti_ops.smoke.probes.pages import (
    deep_404,
    headers,
    https_redirect,
    pages,
    protected_redirect,
    soft_404,
    static,
)
from kulti_ops.smoke.probes.speed import latency
from kulti_ops.smoke.probes.webhook import webhook_signed, webhook_unsigned

PROBES: tuple[Probe, ...] = (
    Probe(id="pages", tags=frozenset({"page"}), ask=pages, steady=True),
    Probe(
        id="protected-redirect",
        tags=frozenset({"page", "security"}),
        ask=protected_redirect,
        steady=True,
    ),
    Probe(id="deep-404", tags=frozenset({"page"}), ask=deep_404, steady=True),
    Probe(id="soft-404", tags=frozenset({"page"}), ask=soft_404),
    Probe(id="anonymous-401", tags=frozenset({"api", "security"}), ask=anonymous_401, steady=True),
    Probe(id="database", tags=frozenset({"api"}), ask=database, steady=True),
    Probe(id="health", tags=frozenset({"api"}), ask=health, steady=True),
    Probe(id="webhook-unsigned", tags=frozenset({"api", "security"}), ask=webhook_unsigned),
    Probe(id="webhook-signed", tags=frozenset({"api"}), ask=webhook_signed),
    Probe(id="account", tags=frozenset({"api", "security"}), ask=account, steady=True),
    Probe(id="size-limit", tags=frozenset({"api", "security"}), ask=size_limit),
    Probe(id="rate-limit", tags=frozenset({"api", "security"}), ask=rate_limit),
    Probe(id="methods", tags=frozenset({"api"}), ask=methods),
    Probe(id="cors", tags=frozenset({"api", "security"}), ask=cors),
    Probe(id="https-redirect", tags=frozenset({"security"}), ask=https_redirect),
    Probe(id="static", tags=frozenset({"page"}), ask=static, steady=True),
    Probe(id="errors-leak", tags=frozenset({"security"}), ask=errors_leak),
    Probe(id="latency", tags=frozenset({"speed"}), ask=latency, steady=True),
    Probe(id="headers", tags=frozenset({"security"}), ask=headers),
)
