"""`doctor`: whether this machine is ready."""

from __future__ import annotations

import typer

from kulti_ops.edge import Invocation, command
from kulti_ops.report import Outcome

app = typer.Typer(name="doctor", add_completion=False)


@command(
    app,
    checks=True,
    examples=("kulti-ops doctor", "kulti-ops doctor --format json --env-file production.env"),
    exits="4 a setting cannot be used, or a settings file not read",
)
def doctor(run: Invocation) -> Outcome:
    """Check settings, client tools, database, rights, storage: each with a next step.

    Changes nothing: it looks at the database in one read-only transaction, and
    removes the probe that it writes to the storage.
    """
    from kulti_ops.flows.doctor import Surroundings, run_doctor

    around = Surroundings(settings=run.settings, env_file=run.common.env_file, now=run.now)
    return Outcome(results=run_doctor(around))
