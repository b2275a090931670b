"""The demo: the whole story on a local Kulti, without any set-up.

Starts a sandbox, backs it up, verifies, damages a copy to show that verifying
notices, drills, cleans up. Every step is a result; a step that was not reached is
`unknown`, so the demo is ok only when all of it truly held.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.backup.attempt import CreateOptions
from kulti_ops.backup.create import create_backup
from kulti_ops.db import parse_target
from kulti_ops.errors import KultiError
from kulti_ops.progress import SILENT, Progress, size
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.restore.drill import DrillOptions, run_drill
from kulti_ops.sandbox import lifecycle
from kulti_ops.storage import open_storage
from kulti_ops.verify import Level
from kulti_ops.verify.backup import verify_backup

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.config import Settings
    from kulti_ops.pgtools import Installation
    from kulti_ops.storage import Storage

STEPS = ("sandbox", "backup", "verify", "damage", "drill", "clean-up")
SCALE = 0.05  # about 60 MB: large enough to mean something, small enough for a minute


@dataclass(frozen=True, kw_only=True)
class DemoPlaces:
    """Where the demo works: `root` is a private folder that is removed at the end."""

    root: Path
    places: lifecycle.Places
    server: Installation
    tools: tuple[Installation, ...]


@dataclass(kw_only=True)
class Demo:
    """The steps that were taken, in order."""

    results: list[CheckResult] = field(default_factory=list)

    def add(
        self, step: str, status: Verdict, summary: str, *, started: float, **evidence: object
    ) -> None:
        """Add a step's outcome."""
        self.results.append(
            CheckResult(
                id=step,
                status=status,
                summary=summary,
                evidence=evidence,
                duration_s=time.monotonic() - started,
            )
        )


def run_demo(
    places: DemoPlaces,
    *,
    settings: Settings,
    now: datetime,
    scale: float = SCALE,
    progress: Progress = SILENT,
) -> tuple[CheckResult, ...]:
    """Take every step; what fails is `crit`, what was not reached is `unknown`."""
    demo = Demo()
    folder = places.root / "sandbox"
    try:
        _story(demo, places, folder, settings=settings, now=now, scale=scale, progress=progress)
    except KultiError as error:
        step = STEPS[len(demo.results)]
        demo.add(step, Verdict.CRIT, error.message, started=time.monotonic())
    finally:
        _clean_up(demo, places, folder)
    done = {r.id for r in demo.results}
    unreached = (
        CheckResult(id=step, status=Verdict.UNKNOWN, summary="not reached")
        for step in STEPS
        if step not in done
    )
    return tuple(sorted((*demo.results, *unreached), key=lambda r: STEPS.index(r.id)))


def _story(
    demo: Demo,
    places: DemoPlaces,
    folder: Path,
    *,
    settings: Settings,
    now: datetime,
    scale: float,
    progress: Progress,
) -> None:
    progress.step("starting a local Kulti on an embedded PostgreSQL 17")
    started = time.monotonic()
    sandbox = lifecycle.start(folder, places=places.places, now=now, scale=scale, progress=progress)
    demo.add(
        "sandbox",
        Verdict.OK,
        f"a local Kulti runs on 127.0.0.1:{sandbox.port}",
        started=started,
        scale=scale,
    )
    storage = open_storage(str(places.root / "backups"))
    started = time.monotonic()
    created = create_backup(
        parse_target(sandbox.database_url, settings),
        storage,
        options=CreateOptions(label="demo"),
        installations=places.tools,
        now=now,
        progress=progress,
    )
    manifest = created.manifest
    _tell_backup(demo, manifest, started)
    _verify(demo, manifest, storage, places, progress)
    _damage(demo, manifest, places, progress)
    _drill(demo, manifest, storage, places, progress)


def _tell_backup(demo: Demo, manifest: Manifest, started: float) -> None:
    totals = manifest.totals
    demo.add(
        "backup",
        Verdict.OK,
        f"{totals.rows:,} rows in {totals.tables} tables, {size(totals.database_bytes)}, "
        f"in an archive of {size(manifest.artifact('dump').size_bytes)}",
        started=started,
        backup_id=manifest.backup_id,
    )


def _verify(
    demo: Demo, manifest: Manifest, storage: Storage, places: DemoPlaces, progress: Progress
) -> None:
    started = time.monotonic()
    verified = verify_backup(
        manifest, storage, level=Level.CONTENTS, installations=places.tools, progress=progress
    )
    held = sum(r.status is Verdict.OK for r in verified.results)
    bad = [r.summary for r in verified.results if r.status in {Verdict.CRIT, Verdict.UNKNOWN}]
    demo.add(
        "verify",
        verified.status,
        bad[0] if bad else f"{held} checks hold: bytes, structure, rows, objects",
        started=started,
    )


def _damage(demo: Demo, manifest: Manifest, places: DemoPlaces, progress: Progress) -> None:
    """Flip one bit in the middle of a copy: a verification that misses it is the failure."""
    progress.step("flipping one bit in a copy")
    started = time.monotonic()
    shutil.copytree(places.root / "backups", places.root / "damaged")
    dump = places.root / "damaged" / manifest.backup_id / manifest.artifact("dump").name
    with dump.open("r+b") as file:
        file.seek(manifest.artifact("dump").size_bytes // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    verified = verify_backup(
        manifest, open_storage(str(places.root / "damaged")), level=Level.QUICK
    )
    noticed = [r for r in verified.results if r.status is Verdict.CRIT]
    demo.add(
        "damage",
        Verdict.OK if noticed else Verdict.CRIT,
        f"one flipped bit in a copy is noticed: {noticed[0].summary}"
        if noticed
        else "a damaged copy passed its verification",
        started=started,
    )


def _drill(
    demo: Demo, manifest: Manifest, storage: Storage, places: DemoPlaces, progress: Progress
) -> None:
    started = time.monotonic()
    drilled = run_drill(
        manifest,
        storage,
        options=DrillOptions(
            scratch_root=places.root / "scratch", server=places.server, tools=places.tools[0]
        ),
        progress=progress,
    )
    equal = sum(t.match for t in drilled.tables)
    bad = [r.summary for r in drilled.results if r.status in {Verdict.CRIT, Verdict.UNKNOWN}]
    demo.add(
        "drill",
        drilled.status,
        bad[0]
        if bad
        else f"restored into a scratch server: {equal} of {len(drilled.tables)} "
        "tables equal byte for byte, and every object",
        started=started,
        phases={name: round(s, 3) for name, s in drilled.phases_s.items()},
        tables_equal=equal,
        tables=len(drilled.tables),
    )


def _clean_up(demo: Demo, places: DemoPlaces, folder: Path) -> None:
    started = time.monotonic()
    try:
        if lifecycle.status(folder) is not None:
            lifecycle.destroy(folder)
        shutil.rmtree(places.root)
    except (KultiError, OSError) as error:
        left = f"{places.root} is still there: {error}"
        demo.add("clean-up", Verdict.CRIT, left, started=started)
        return
    demo.add("clean-up", Verdict.OK, "nothing is left behind", started=started)
