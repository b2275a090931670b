"""Questions about folders: the storage, its space, the tool's state, the drills' scratch."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kulti_ops.backup.catalog import list_entries
from kulti_ops.backup.preflight import SPACE_FACTOR, SPACE_SHARE
from kulti_ops.clock import CLOCK_TOLERANCE_S
from kulti_ops.errors import ConfigError, StorageError
from kulti_ops.flows.doctor.check import Answer, from_error, ok, skipped
from kulti_ops.pgserver import check_enterable, free_bytes, server_account
from kulti_ops.progress import size
from kulti_ops.report import Verdict
from kulti_ops.storage import open_storage
from kulti_ops.storage.local import LocalStorage
from kulti_ops.storage.s3 import S3Storage

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.backup.preflight import Survey
    from kulti_ops.config import Settings

EXPOSED_SHOWN = 20
BACKUPS_TO_HOLD = 3  # with room for fewer the next days' backups will be refused
SCRATCH_FACTOR = 1.5  # of the database's size: a drill holds it, its indexes' sorts and WAL


def storage(settings: Settings, now: datetime) -> Answer:
    """Check that backups can be written, and nobody else can read them."""
    try:
        opened = open_storage(settings.storage_url, settings=settings)
    except ConfigError as error:
        return from_error(Verdict.CRIT, error)
    if isinstance(opened, S3Storage):
        return _bucket(opened, now)
    assert isinstance(opened, LocalStorage)  # noqa: S101 - there are no other kinds
    if not os.path.lexists(opened.root):
        return _missing_storage(opened, configured=settings.storage is not None)
    try:
        opened.prepare()
        exposed = opened.exposed()
    except StorageError as error:
        return from_error(Verdict.CRIT, error, url=opened.url)
    if exposed:
        return Answer(
            status=Verdict.WARN,
            summary=f"others can read or change {exposed[0]} in {opened.url}"
            + (f" and {len(exposed) - 1} more" if len(exposed) > 1 else ""),
            next=f"chmod -R go= {shlex.quote(opened.url)}",
            evidence={"url": opened.url, "exposed": len(exposed)},
            rows=tuple({"name": name} for name in exposed[:EXPOSED_SHOWN]),
        )
    return ok(f"{opened.url} is writable and private", url=opened.url)


def _bucket(opened: S3Storage, now: datetime) -> Answer:
    """Write to a bucket and remove it again; look at clocks, versions and strangers' rights."""
    try:
        opened.prepare()
    except (StorageError, ConfigError) as error:
        return from_error(Verdict.CRIT, error, url=opened.url)
    open_to = [what for exposure in opened.exposures() for what in exposure.open_to]
    skew_s = (now - opened.server_time()).total_seconds()
    try:
        versions = opened.versions or "none"
    except StorageError:
        versions = "unknown"  # not everybody who may write may ask
    evidence = {
        "url": opened.url,
        "clock_skew_s": round(skew_s),
        "versions": versions,
        "creates_once": opened.client.creates_once,
    }
    if open_to:
        return Answer(
            status=Verdict.CRIT,
            summary=f"others get at {opened.url}: {', '.join(open_to)}",
            next="close it, then: kulti-ops verify storage",
            evidence=evidence,
        )
    if abs(skew_s) > CLOCK_TOLERANCE_S:
        return Answer(
            status=Verdict.WARN,
            summary=f"this machine's clock is {skew_s:+.0f} s from that of {opened.url}",
            next="mend the time service here (timedatectl): beyond 15 minutes all is refused",
            evidence=evidence,
        )
    return ok(f"{opened.url} is writable; older versions: {versions.lower()}", **evidence)


def _missing_storage(opened: LocalStorage, *, configured: bool) -> Answer:
    parent = _nearest(opened.root)
    if not _may_write(parent):
        return Answer(
            status=Verdict.CRIT,
            summary=f"{opened.url} does not exist and cannot be made in {parent}",
            next="set KULTI_OPS_STORAGE to a folder that this user can write",
        )
    if configured:
        return Answer(
            status=Verdict.WARN,
            summary=f"{opened.url} does not exist; the first backup makes it in {parent}",
            next=f"mount its disk if it is to have one, or: mkdir -m 700 -p {_quoted(opened.root)}",
        )
    return ok(f"{opened.url} will be made by the first backup", url=opened.url)


def free_space(settings: Settings, survey: Survey | None) -> Answer:
    """Check that the storage has room: by the last backup's or the database's size."""
    opened = open_storage(settings.storage_url, settings=settings)
    free = opened.free_bytes()
    if free is None:
        return skipped(f"{opened.url} has no fixed size")
    made = [entry.manifest for entry in list_entries(opened) if entry.manifest is not None]
    if made:
        expected, by = made[-1].size_bytes * SPACE_FACTOR, "the last backup"
    elif survey is not None:
        expected, by = survey.database_bytes * SPACE_SHARE, "the database"
    else:
        return Answer(
            status=Verdict.UNKNOWN,
            summary=f"{size(free)} free; neither a backup nor a database to judge it by",
            next="mend `database` first",
            evidence={"free_bytes": free},
        )
    evidence = {"free_bytes": free, "needed_bytes": int(expected), "judged_by": by}
    if free >= expected * BACKUPS_TO_HOLD:
        return ok(f"{size(free)} free, a backup needs about {size(expected)}", **evidence)
    return Answer(
        status=Verdict.CRIT if free < expected else Verdict.WARN,
        summary=f"{size(free)} free, a backup needs about {size(expected)} (by {by})",
        next=f"free space in {opened.url}, or set KULTI_OPS_STORAGE to another place",
        evidence=evidence,
    )


def state_folder(settings: Settings) -> Answer:
    """Check that the folder for the tool's own state can be written and is private."""
    path = settings.state_path
    judged = usable(path, setting="KULTI_OPS_STATE_DIR")
    if judged.status is not Verdict.OK or not path.exists():
        return judged
    if path.stat().st_mode & 0o077 and path.stat().st_uid == os.geteuid():
        return Answer(
            status=Verdict.WARN,
            summary=f"others can look into {path}",
            next=f"chmod 700 {_quoted(path)}",
        )
    return judged


def scratch(settings: Settings, survey: Survey | None) -> Answer:
    """Check that a drill can put its server somewhere, and the whole database into it."""
    path = settings.scratch_path
    judged = usable(path, setting="KULTI_OPS_SCRATCH_DIR")
    if judged.status is not Verdict.OK:
        return judged
    try:
        check_enterable(path, server_account())
    except ConfigError as error:
        return from_error(Verdict.CRIT, error)
    free = free_bytes(path)
    if survey is None:
        return ok(f"{path} is usable, {size(free)} free", free_bytes=free)
    needed = survey.database_bytes * SCRATCH_FACTOR
    evidence = {"free_bytes": free, "needed_bytes": int(needed)}
    if free < needed:
        return Answer(
            status=Verdict.WARN,
            summary=f"{path} has {size(free)} free, a drill needs about {size(needed)}",
            next="set KULTI_OPS_SCRATCH_DIR to a folder with more space",
            evidence=evidence,
        )
    return ok(f"{path} is usable, {size(free)} free, a drill needs {size(needed)}", **evidence)


def usable(path: Path, *, setting: str) -> Answer:
    """Judge whether a folder can be written, by writing, or can be made."""
    place = path if os.path.lexists(path) else _nearest(path)
    if not place.is_dir():
        reason = "not a folder"
    elif place == path:
        reason = _write_problem(path)
    else:
        reason = "" if _may_write(place) else f"this user cannot write in {place}"
    if reason:
        return Answer(
            status=Verdict.CRIT,
            summary=f"{path} cannot be used: {reason}",
            next=f"set {setting} to a folder that this user can write",
        )
    return ok(f"{path} is writable" if place == path else f"{path} will be made when needed")


def _write_problem(path: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=path):
            return ""
    except OSError as error:
        return (error.strerror or str(error)).lower()


def _may_write(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _nearest(path: Path) -> Path:
    """Return the nearest thing above `path` that exists."""
    return next((up for up in path.absolute().parents if os.path.lexists(up)), Path("/"))


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
