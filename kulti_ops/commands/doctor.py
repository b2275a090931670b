"""`doctor`: whether this machine is ready."""

from __future__ import annotations

import typer

from kulti_ops.edge import Invocation, command
from kulti_ops.report import CheckResult, Outcome, Verdict

app = typer.Typer(name="doctor", add_completion=False)


@command(
    app,
    checks=True,
    examples=("kulti-ops doctor", "kulti-ops doctor --format json --env-file production.env"),
    exits="4 settings cannot be read",
)
def doctor(run: Invocation) -> Outcome:
    """Check settings, client tools, database, rights, storage: each with a next step."""
    from kulti_ops.config import unknown_names

    unknown = unknown_names(env_file=run.common.env_file)
    _ = run.settings
    return Outcome(
        results=(
            CheckResult(
                id="settings",
                status=Verdict.WARN if unknown else Verdict.OK,
                summary=f"unknown: {', '.join(unknown)}" if unknown else "every name is known",
                next="see .env.example" if unknown else None,
            ),
        )
    )
