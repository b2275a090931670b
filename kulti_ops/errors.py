"""The errors a user can meet, each with a message, a hint and an exit code.

Owns the exit codes of `docs/reference/exit-codes.md`. Does no I/O and renders
nothing: the edge turns an error into output in one place.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What every command returns to the shell; the worst applies."""

    OK = 0
    BUG = 1
    USAGE = 2
    UNKNOWN = 3
    CONFIG = 4
    FAILED = 5
    REFUSED = 6
    CRIT = 10
    INTERRUPTED = 130
    TERMINATED = 143


class KultiError(Exception):
    """An expected failure: says what failed, on what, and what to do next.

    `message` is one lower-case line without secrets and without row data;
    `hint` names the next step.
    """

    kind = "error"
    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(KultiError):
    """An option's value cannot be used."""

    kind = "usage"
    exit_code = ExitCode.USAGE


class ConfigError(KultiError):
    """A setting is missing or cannot be used."""

    kind = "configuration"
    exit_code = ExitCode.CONFIG


class OperationFailedError(KultiError):
    """A tool, the database, the storage or the network did not do its part."""

    kind = "operation"
    exit_code = ExitCode.FAILED


class DatabaseError(OperationFailedError):
    """The database refused or was lost; `sqlstate` where the server gave one.

    Carries the server's primary message only: DETAIL and CONTEXT hold row data. `place` names
    the constraint, or the line and column of a COPY, but no value. `cause` is one word for
    why no connection came about; `db` lists them.
    """

    kind = "database"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        sqlstate: str | None = None,
        primary: str = "",
        place: str = "",
        cause: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.sqlstate = sqlstate
        self.place = place
        self.cause = cause
        self.primary = primary or message


class StorageError(OperationFailedError):
    """The storage could not be read or written."""

    kind = "storage"


class UnreachableError(StorageError):
    """The storage did not answer or permit it: nothing is known about what it holds."""


class DamagedError(StorageError):
    """What is stored is not what was written."""


class NotFoundError(OperationFailedError):
    """A backup, file or object that was named does not exist."""

    kind = "not-found"


class RefusedError(KultiError):
    """A safety guard said no."""

    kind = "refused"
    exit_code = ExitCode.REFUSED


class UndeterminedError(KultiError):
    """Something that had to be known could not be determined."""

    kind = "unknown"
    exit_code = ExitCode.UNKNOWN
