"""`demo`: the whole story, without set-up."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.commands.shared import installations_of
from kulti_ops.edge import Invocation, command
from kulti_ops.report import Outcome

if TYPE_CHECKING:
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
    from kulti_ops.flows.demo import DemoPlaces, run_demo
    from kulti_ops.pgserver import make_enterable_dir
    from kulti_ops.sandbox.lifecycle import Places
    from kulti_ops.sandbox.server import sandbox_installation

    settings = run.settings
    root = Path(tempfile.gettempdir()) / f"kulti-ops-demo-{secrets.token_hex(8)}"
    make_enterable_dir(root)
    results = run_demo(
        DemoPlaces(
            root=root,
            places=Places(cache_dir=settings.cache_path, data_home=settings.sandbox_data_path),
            server=sandbox_installation(settings.cache_path),
            tools=installations_of(run),
        ),
        settings=settings,
        now=run.now,
        scale=scale,
        progress=run.progress,
    )
    steps = [
        {"step": r.id, "status": r.status, "summary": r.summary, "duration_s": r.duration_s}
        for r in results
    ]
    return Outcome(results=results, data={"steps": steps}, human=_text(results))


def _text(results: tuple[CheckResult, ...]) -> str:
    total_s = sum(r.duration_s for r in results)
    times = "\n".join(f"  {r.id:<9} {r.duration_s:5.1f} s" for r in results)
    return (
        f"\ntimes\n{times}\n  {'in all':<9} {total_s:5.1f} s\n\n"
        "next, on a real project\n"
        "  cp .env.example .env      and set DATABASE_URL, KULTI_OPS_STORAGE\n"
        "  kulti-ops doctor          is everything ready?\n"
        "  kulti-ops backup create   one snapshot, checksummed, published when complete\n"
        "  kulti-ops restore drill   prove it\n"
        "  kulti-ops sandbox start   or keep a local Kulti to practise on"
    )
