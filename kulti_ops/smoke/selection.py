"""What a run is asked for: which probes of which site, within what budget. Values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.smoke.certificates import Limits
from kulti_ops.smoke.probes import PROBES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.http import Policy
    from kulti_ops.smoke.probe import Probe, Site

HOME, TLS, CHALLENGE, VENDORS = "home", "tls", "challenge", "vendors"
GATE = (HOME, TLS, CHALLENGE, VENDORS)
IDS = (*GATE, *(probe.id for probe in PROBES))
_TAGS = {
    HOME: frozenset({"page"}),
    TLS: frozenset({"security"}),
    CHALLENGE: frozenset({"page"}),
    VENDORS: frozenset({"vendor"}),
    **{probe.id: probe.tags for probe in PROBES},
}
TAGS = tuple(sorted({tag for tags in _TAGS.values() for tag in tags}))


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which probes run: all, those with a tag, only some, or all but some."""

    tag: str | None = None
    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()

    def takes(self, probe: str, tags: frozenset[str] | None = None) -> bool:
        """Tell whether a probe runs; `tags` are those of a probe that is none of ours."""
        if probe in self.skip:
            return False
        if self.only:
            return probe in self.only
        has = _TAGS.get(probe, frozenset()) if tags is None else tags
        return self.tag is None or self.tag in has


@dataclass(frozen=True, kw_only=True)
class Order:
    """One run: what to look at, how long, and whom to ask when it fails."""

    site: Site
    policy: Policy
    status_pages: Mapping[str, str]
    selection: Selection
    budget_s: float = 30.0
    fail_fast: bool = False
    tls_private: bool = False
    certificate: Limits = field(default_factory=Limits)
    own: tuple[Probe, ...] = ()

    @property
    def chosen(self) -> frozenset[str]:
        """The ids of everything that was to look, the gate included."""
        gate = (name for name in GATE if self.selection.takes(name))
        return frozenset({*gate, *(probe.id for probe in self.probes)})

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The probes that were selected, one's own last."""
        return tuple(p for p in (*PROBES, *self.own) if self.selection.takes(p.id, p.tags))
