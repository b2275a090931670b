"""Incidents of the site: what its stand-in can be made to do wrong; see `sandbox.web`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kulti_ops.errors import NotFoundError
from kulti_ops.sandbox.faults.scenario import Scenario, Site, Staged
from kulti_ops.sandbox.web.faults import WEB_FAULTS
from kulti_ops.sandbox.web.lifecycle import set_faults, web_info

if TYPE_CHECKING:
    from kulti_ops.sandbox.web.lifecycle import WebInfo

SMOKE = "kulti-ops smoke run"


def _stage(name: str, site: Site) -> Staged:
    set_faults(site.folder, {*_running(site).faults, name})
    return Staged()


def _heal(name: str, site: Site, staged: Staged) -> None:  # noqa: ARG001 - the interface
    if (web := web_info(site.folder)) is not None:
        set_faults(site.folder, set(web.faults) - {name})


def _running(site: Site) -> WebInfo:
    found = web_info(site.folder)
    if found is None:
        raise NotFoundError(
            f"no site is served by the sandbox in {site.folder}",
            hint="kulti-ops sandbox start --web",
        )
    return found


SCENARIOS = tuple(
    Scenario(
        name=name,
        title=title,
        look=SMOKE,
        stage=partial(_stage, name),
        heal=partial(_heal, name),
    )
    for name, title in WEB_FAULTS.items()
)
