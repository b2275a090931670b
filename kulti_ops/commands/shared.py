"""What several command groups take from the settings: storage, database, client tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops import config

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.backup.attempt import CreateOptions
    from kulti_ops.db import Target
    from kulti_ops.edge import Invocation
    from kulti_ops.pgtools import Installation
    from kulti_ops.sealing import Identities
    from kulti_ops.storage import Storage

BackupArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[ID]",
        help="Which backup: an id, a unique prefix, latest or latest-verified.",
        show_default="latest",
    ),
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, max=64, help="Parallel jobs.", show_default="2")
]
TargetOption = Annotated[
    str, typer.Option("--target", help="A database: env:NAME, service:NAME or a URL.")
]


def storage_of(run: Invocation) -> Storage:
    """Return the storage that the settings name."""
    from kulti_ops.storage import open_storage

    return open_storage(run.settings.storage_url, settings=run.settings)


def source_of(run: Invocation) -> Target:
    """Return the database that the settings name; its password is masked from now on."""
    from kulti_ops.db import source_target

    target = source_target(run.settings)
    run.secrets.add(target.secret)
    warn_weak_tls(run, target)
    return target


def target_of(run: Invocation, text: str) -> Target:
    """Return the database that an option names; its password is masked from now on."""
    from kulti_ops.db import parse_target

    target = parse_target(text, run.settings)
    run.secrets.add(target.secret)
    if "://" in text and target.secret:
        run.say("warning: a password on the command line is seen by other users; use env:NAME")
    warn_weak_tls(run, target)
    return target


def warn_weak_tls(run: Invocation, target: Target) -> None:
    """Say when the server's certificate is not checked."""
    if not target.is_local and target.params.get("sslmode") == "require":
        run.say(f"warning: sslmode=require does not prove that {target.host} is the real server")


def ask(run: Invocation, question: str, *, yes: bool) -> None:
    """Ask before something that can't be undone, unless `yes` was given.

    Raises: RefusedError when the answer is no, or nobody can be asked.
    """
    from kulti_ops.errors import RefusedError

    if yes:
        return
    if not run.interactive:
        raise RefusedError(f"nobody to ask: {question}", hint="add --yes to go ahead")
    if not typer.confirm(question, err=True):
        raise RefusedError("not confirmed: nothing was done")


def recipients_of(run: Invocation) -> tuple[str, ...]:
    """Return those to whom new backups are encrypted, none where they are not."""
    from kulti_ops.sealing import parse_recipients

    return parse_recipients(run.settings.encrypt_to)


def create_options(run: Invocation, **asked: Any) -> CreateOptions:  # noqa: ANN401
    """Return how to make a backup: as the settings say, but for what was `asked` (not None)."""
    from kulti_ops.backup.attempt import CreateOptions

    settings = run.settings
    fixed: dict[str, Any] = {
        "lock_wait_s": settings.lock_wait_s,
        "yield_after_s": settings.yield_after_s,
        "attempts": settings.backup_attempts,
        "timeout_s": settings.backup_timeout_s,
        "spool_dir": settings.scratch_path if settings.spool_after_s else None,
        "spool_after_s": settings.spool_after_s,
        "connect_timeout_s": settings.connect_timeout_s,
        "recipients": recipients_of(run),
    }
    return CreateOptions(**fixed | {k: v for k, v in asked.items() if v is not None})


def identities_of(run: Invocation) -> Identities:
    """Return where the private keys for reading are; they are read when needed."""
    from kulti_ops import sealing

    return sealing.identities_of(run.settings)


def installations_of(run: Invocation) -> tuple[Installation, ...]:
    """Return the PostgreSQL client tools of this machine."""
    from kulti_ops.pgtools import find_installations

    return find_installations(run.settings.pg_bin_dir, search_path=config.search_path())


def moment_of(option: str, text: str, *, end_of_day: bool = False) -> datetime:
    """Return the time that an option's text names.

    Raises: UsageError when it is none.
    """
    from kulti_ops.clock import parse_moment
    from kulti_ops.errors import UsageError

    try:
        return parse_moment(text, end_of_day=end_of_day)
    except ValueError:
        raise UsageError(
            f"{option} is no date: {text!r}", hint="write 2026-12-31 or 2026-12-31T18:00:00Z"
        ) from None
