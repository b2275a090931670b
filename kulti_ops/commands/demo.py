"""`demo`: the whole story, without set-up."""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.commands.shared import installations_of
from kulti_ops.edge import Invocation, command
from kulti_ops.errors import ConfigError
from kulti_ops.menu import PROGRAM
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.flows.demo import DemoPlaces
    from kulti_ops.report import CheckResult

app = typer.Typer(name="demo", add_completion=False)


@command(
    app,
    checks=True,
    examples=("kulti-ops demo", "kulti-ops demo --scale 0.2", "kulti-ops demo --format json"),
    exits="4 no embedded PostgreSQL installed",
)
def demo(
    run: Invocation,
    scale: Annotated[
        float, typer.Option("--scale", help="How much data; 1 is 1 GB.", min=0.001, max=10)
    ] = 0.05,
) -> Outcome:
    """Back up a real PostgreSQL 17, restore it, and show that both are equal.

    Runs on an embedded server with a made-up Kulti in it; takes seconds, needs
    nothing, leaves nothing behind.
    """
    from kulti_ops.flows.demo import run_demo
    from kulti_ops.pgserver import make_enterable_dir

    root = Path(tempfile.gettempdir()) / f"kulti-ops-demo-{secrets.token_hex(8)}"
    try:
        make_enterable_dir(root)
        places = _places(run, root)
    except BaseException:  # from here on the demo itself removes it
        shutil.rmtree(root, ignore_errors=True)
        raise
    results = run_demo(
        places, settings=run.settings, now=run.now, scale=scale, progress=run.progress
    )
    steps = [
        {"step": r.id, "status": r.status, "summary": r.summary, "duration_s": r.duration_s}
        for r in results
    ]
    return Outcome(results=results, data={"steps": steps}, human=_text(results))


def _places(run: Invocation, root: Path) -> DemoPlaces:
    """Return where the demo works; without a home that can be written, all of it below `root`."""
    from kulti_ops.flows.demo import DemoPlaces
    from kulti_ops.sandbox.lifecycle import Places
    from kulti_ops.sandbox.server import sandbox_installation

    cache_dir = run.settings.cache_path
    try:
        server = sandbox_installation(cache_dir)
    except ConfigError:
        if run.settings.cache_dir is not None:
            raise  # the place was chosen: say what is wrong with it
        cache_dir = root / "cache"
        server = sandbox_installation(cache_dir)
    return DemoPlaces(
        root=root,
        places=Places(cache_dir=cache_dir, data_home=run.settings.sandbox_data_path),
        server=server,
        tools=installations_of(run),
    )


def _text(results: tuple[CheckResult, ...]) -> str:
    total_s = sum(r.duration_s for r in results)
    times = "\n".join(f"  {r.id:<9} {r.duration_s:5.1f} s" for r in results)
    return (
        f"\ntimes\n{times}\n  {'in all':<9} {total_s:5.1f} s\n\n"
        f"next, on a real project{_where()}\n"
        "  cp .env.example .env      and set DATABASE_URL, KULTI_OPS_STORAGE\n"
        "  kulti-ops doctor          is everything ready?\n"
        "  kulti-ops backup create   one snapshot, checksummed, published when complete\n"
        "  kulti-ops restore drill   prove it\n"
        "  kulti-ops sandbox start   or keep a local Kulti to practise on"
    )


def _where() -> str:
    """Say where the program is when its name alone does not find it."""
    if shutil.which(PROGRAM):
        return ""
    return f" (kulti-ops is {sys.argv[0]})"
