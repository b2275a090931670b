"""A drill on a server that lacks extensions of the hosted platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.backup import catalog
from kulti_ops.report import Verdict
from kulti_ops.restore.absent import REASON
from kulti_ops.restore.drill import DrillOptions, run_drill
from kulti_ops.storage import open_storage

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.pgtools import Installation
    from tests.functional.restore.conftest import CommandLine


def test_drill_without_the_platforms_extensions_explains_what_needs_them(
    kulti: CommandLine, session_root: Path, server_install: Installation
) -> None:
    """The embedded server without stand-ins, as a backup of another extension meets it."""
    storage = open_storage(kulti.environment["KULTI_OPS_STORAGE"])
    manifest = catalog.usable_manifest(catalog.find(storage, None))
    options = DrillOptions(
        scratch_root=session_root / "drills", server=server_install, tools=server_install
    )
    drill = run_drill(manifest, storage, options=options)
    assert {r.id: r.summary for r in drill.results if r.status is not Verdict.OK} == {}
    reasons = dict(drill.explained)
    assert reasons["EXTENSION uuid-ossp"] == "the scratch server has no extension uuid-ossp"
    assert reasons["TABLE edge_cases.needs_extension"] == "depends on what is left out"
    assert reasons["TABLE DATA cron.job"] == REASON
    assert reasons["ACL extensions.FUNCTION uuid_nil()"] == REASON
    assert "TABLE public.profiles" not in reasons
