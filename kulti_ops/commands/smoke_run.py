"""`smoke run`: every probe of a site, and the comparison with an earlier deploy."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.commands.site import CafileOption, order_of, own_probes, selection_of, site_of
from kulti_ops.edge import Invocation  # noqa: TC001 - typer reads the annotations
from kulti_ops.message import origin_of
from kulti_ops.report import CheckResult, Outcome, Verdict
from kulti_ops.signals import run_unwinding

if TYPE_CHECKING:
    from kulti_ops.smoke.baseline import Baseline
    from kulti_ops.smoke.run import SmokeRun
    from kulti_ops.smoke.selection import Order

EXAMPLES = (
    "kulti-ops smoke run",
    "kulti-ops smoke run --base-url https://preview.kulti.example --fail-fast",
    "kulti-ops smoke run --only rate-limit --format json",
    "kulti-ops smoke run --baseline deploy.json --save-baseline deploy.json",
)
EXITS = "2 no URL, or no such probe; 5 the baseline cannot be read"


def run_(  # noqa: PLR0913, PLR0917 - the command's options
    run: Invocation,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="The site.", show_default="NEXT_PUBLIC_APP_URL"),
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only probes with this tag.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Only this probe (may be repeated).", metavar="ID"),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option("--skip", help="Not this probe (may be repeated).", metavar="ID"),
    ] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first crit.")] = False,
    budget: Annotated[
        str, typer.Option("--budget", help="Time for the whole run.", metavar="30s")
    ] = "30s",
    probes: Annotated[
        Path | None, typer.Option("--probes", help="A TOML file with probes of your own.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", help="Compare with an earlier run.", dir_okay=False),
    ] = None,
    save_baseline: Annotated[
        Path | None,
        typer.Option(
            "--save-baseline", help="Keep this run to compare with (mode 0600).", dir_okay=False
        ),
    ] = None,
    cafile: CafileOption = None,
) -> Outcome:
    """Probe the site: after a deploy, is it well, and whose fault is it if not.

    Writes nothing and sends no SMS. The rate limit of a site that is not on loopback is
    probed only when it is asked for by name. A run that is crit is not kept as a baseline.
    """
    from dataclasses import replace

    from kulti_ops.smoke.run import run_smoke

    before = _read(baseline) if baseline else None
    site = site_of(run, base_url)
    own = own_probes(probes) if probes else ()
    selection = selection_of(tag, only or [], skip or [], own=own)
    order = order_of(run, site, selection, budget=budget, fail_fast=fail_fast, cafile=cafile)
    order = replace(order, own=own)
    done = run_unwinding(run_smoke(order, now=run.now))
    results = (*done.results, *(_compared(run, order, done, before) if before else ()))
    data: dict[str, object] = {"base_url": origin_of(site)}
    if save_baseline is not None:
        failed = _saved(run, order, replace(done, results=results), save_baseline)
        results = (*results, failed) if failed else results
        data["baseline_saved"] = None if failed else str(save_baseline)
    return Outcome(results=results, data=data)


def _read(path: Path) -> Baseline:
    """Return the baseline in a file.

    Raises: NotFoundError when it cannot be read, OperationFailedError when it is none of ours.
    """
    from kulti_ops.errors import NotFoundError, OperationFailedError
    from kulti_ops.smoke.baseline import LARGEST_FILE_BYTES, parse_baseline

    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise NotFoundError(
            f"cannot read the baseline {path}: {error.strerror or error}",
            hint=f"save one first: kulti-ops smoke run --save-baseline {path}",
        ) from error
    if len(content) > LARGEST_FILE_BYTES:
        raise OperationFailedError(f"{path} is too large for a baseline", hint="name another file")
    return parse_baseline(content.decode("utf-8", "replace"), str(path))


def _compared(
    run: Invocation, order: Order, done: SmokeRun, before: Baseline
) -> tuple[CheckResult, ...]:
    from kulti_ops.smoke.baseline import observe
    from kulti_ops.smoke.regressions import Tolerances, compare

    return compare(
        before,
        observe(done.exchanges, hide=run.masked),
        chosen=order.chosen,
        base_url=order.site.base_url,
        tolerances=Tolerances(
            latency_percent=run.settings.baseline_latency_percent,
            size_percent=run.settings.baseline_size_percent,
        ),
    )


def _saved(run: Invocation, order: Order, done: SmokeRun, path: Path) -> CheckResult | None:
    """Keep a run as a baseline; return why it was not kept, which is a result like others."""
    from kulti_ops.errors import OperationFailedError
    from kulti_ops.smoke.baseline import baseline_of, to_text
    from kulti_ops.smoke.regressions import SAVED

    bad = [r.id for r in done.results if r.status is Verdict.CRIT or r.evidence.get("blame")]
    if bad or not done.exchanges:
        why = f"see {bad[0]}" if bad else "no route that a baseline keeps was looked at"
        status = Verdict.SKIPPED if bad else Verdict.UNKNOWN
        return CheckResult(id=SAVED, status=status, summary=f"not saved: {why}")
    kept = baseline_of(done.exchanges, base_url=order.site.base_url, now=run.now, hide=run.masked)
    try:
        run.write_file(path, to_text(kept), masked=False)
    except OperationFailedError as error:
        return CheckResult(id=SAVED, status=Verdict.UNKNOWN, summary=f"not saved: {error.message}")
    return None
