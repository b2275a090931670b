"""Vendors' status pages in the Statuspage format: what a vendor says about itself.

A value that is not known becomes `unknown`, never `none`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import ConfigError
from kulti_ops.http import fetch_patiently
from kulti_ops.message import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.http import Client, Patience

PATH = "/api/v2/summary.json"
STATUS_PAGES: Mapping[str, str] = MappingProxyType(
    {
        "supabase": "https://status.supabase.com",
        "vercel": "https://www.vercel-status.com",
        "sentry": "https://status.sentry.io",
        "upstash": "https://status.upstash.com",
        "100ms": "https://status.100ms.live",
        "anthropic": "https://status.claude.com",
    }
)
INDICATORS = frozenset({"none", "minor", "major", "critical", "maintenance"})
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class VendorState:
    """What one vendor reports; `indicator` is one of INDICATORS or `unknown`."""

    vendor: str
    indicator: str
    description: str
    incidents: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether the vendor reports nothing wrong (planned maintenance is no fault)."""
        return self.indicator in {"none", "maintenance"}

    @property
    def is_outage(self) -> bool:
        """Whether the vendor reports that what it offers is down, and not only impaired."""
        return self.indicator in {"major", "critical"}


def parse_pages(text: str) -> Mapping[str, str]:
    """Return the status pages of `name=url,name=url`; all six vendors' when it is empty.

    Raises: ConfigError when the text has another form.
    """
    if not text.strip():
        return STATUS_PAGES
    pages = dict(part.strip().partition("=")[::2] for part in text.split(",") if part.strip())
    if not all(url.startswith(("http://", "https://")) for url in pages.values()):
        raise ConfigError(
            "KULTI_OPS_STATUS_PAGES cannot be used", hint="write name=https://…,name=https://…"
        )
    return pages


def parse_summary(vendor: str, document: Any) -> VendorState:  # noqa: ANN401 - foreign JSON
    """Return what a summary says; anything unexpected is `unknown`."""
    status = document.get("status") if isinstance(document, dict) else None
    indicator = status.get("indicator") if isinstance(status, dict) else None
    known = isinstance(indicator, str) and indicator in INDICATORS
    if not isinstance(status, dict) or not known:
        return VendorState(vendor=vendor, indicator=UNKNOWN, description="an unknown answer")
    incidents = document.get("incidents")
    listed = incidents if isinstance(incidents, list) else ()
    names = [i.get("name") for i in listed if isinstance(i, dict)]
    return VendorState(
        vendor=vendor,
        indicator=str(indicator),
        description=str(status.get("description") or indicator)[:120],
        incidents=tuple(str(name)[:120] for name in names if name)[:5],
    )


async def fetch_state(client: Client, vendor: str, base: str, *, patience: Patience) -> VendorState:
    """Return what a vendor reports now; a page that asks to come back is asked once more.

    Raises: ExchangeError when its page cannot be fetched.
    """
    answer, _ = await fetch_patiently(client, Request(url=base.rstrip("/") + PATH), patience)
    return parse_summary(vendor, answer.json())
