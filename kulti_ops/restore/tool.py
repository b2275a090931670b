"""Running pg_restore on a list of entries, and telling its errors apart.

pg_restore exits with 1 for any error it went on after, and its final count is wrong
with several jobs: every error line is collected instead, by the statement that it names,
else by the entry that was named last. Where it exits with 0 there was none: a line that
looks like one was some text of the dump's own, such as a warning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kulti_ops.pgrestore import pg_restore
from kulti_ops.process import ToolFailedError
from kulti_ops.redact import redact_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.archive import Entry
    from kulti_ops.db import Target
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation

TIMEOUT_S = 24 * 3600.0
ERRORS_KEPT = 200
_FROM_ENTRY = re.compile(r"pg_restore: from TOC entry (\d+);")
# Parallel jobs write a line in pieces (`pg_restore:`, `error: `, the text), which run into those
# of others: a line may begin with several prefixes, or with none.
_PREFIX = re.compile(r"(?=pg_restore:| error: )(?:pg_restore:| |error: )*")
_NO_TEXT = re.compile(r"$|(?:launching|finished|skipping) item |processing |creating |while |from ")
_IGNORED = re.compile(r"(?:pg_restore:)? ?warning: errors ignored on restore: ")
SOME_ENTRY = "some entry"
TORN = "an error whose text ran into another job's; run again with --jobs 1 to read it"
UNNAMED = "pg_restore went on after errors that it did not name; run again with --jobs 1"
_COPY_FAILED = re.compile(r'COPY failed for table "(.*?)": ')
_STATEMENT = "Command was: "
_CUT = "..."  # behind the first 127 bytes of a longer statement
_PROCESSED = re.compile(r"pg_restore: (?:processing data for table|creating|launching item)")


@dataclass(frozen=True, kw_only=True)
class EntryError:
    """One error of a restore: the entry where known, and the server's primary message.

    `dump_id` is the entry's where it is certain that the error is its, and its only one.
    """

    label: str
    message: str
    sqlstate: str | None = None
    dump_id: int | None = None


class _Errors:
    """Collects errors from pg_restore's verbose stderr; rows and details never get here."""

    def __init__(self, entries: tuple[Entry, ...], on_progress: Callable[[str], None]) -> None:
        self._entries = {e.dump_id: e for e in entries}
        self._met: list[Entry] = []  # what errors came from, in the order of their lines
        self._current: Entry | None = None
        self._nameless = False
        self._on_progress = on_progress
        self.found: list[EntryError] = []
        self.went_on = False

    def see(self, line: str) -> bool:
        """Take a line; True when it need not be kept."""
        if match := _FROM_ENTRY.match(line):
            self._meet(self._entries.get(int(match[1])))
        elif (match := _PREFIX.match(line)) and (count := match[0].count("error: ")):
            self._see_errors(count, line[match.end() :])
            return count > 1 or not line.startswith("pg_restore: error: ")
        elif line.startswith(_STATEMENT):
            self._name_by(line.removeprefix(_STATEMENT))
        elif _IGNORED.match(line):
            self.went_on = True
        elif _PROCESSED.match(line):
            self._on_progress(line.removeprefix("pg_restore: "))
        return True

    def told_apart(self) -> tuple[EntryError, ...]:
        """Return the errors; none is certain where two seem to be of one entry, or some are lost.

        pg_restore's own count tells nothing: once a job has met an error, it counts every entry.
        """
        entries = {error.dump_id for error in self.found}
        if None not in entries and len(entries) == len(self.found) < ERRORS_KEPT:
            return tuple(self.found)
        return tuple(replace(error, dump_id=None) for error in self.found)

    def _meet(self, entry: Entry | None) -> None:
        self._current = entry
        if entry:
            self._met.append(entry)

    def _name_by(self, statement: str) -> None:
        """Name the error before this line by its statement, which its own job wrote with it."""
        start = statement.removesuffix(_CUT)
        owner = next((e for e in reversed(self._met) if start and _has_statement(e, start)), None)
        if owner and self._nameless:
            self.found[-1] = replace(self.found[-1], label=owner.label, dump_id=owner.dump_id)
        self._nameless = False

    def _see_errors(self, count: int, text: str) -> None:
        """Take one error with its text, and those whose texts stand elsewhere."""
        self._nameless = False
        copied = _COPY_FAILED.match(text)
        if _NO_TEXT.match(text):
            self._add(EntryError(label=SOME_ENTRY, message=TORN))
        elif copied:
            named = [e for e in self._entries.values() if _has_rows_of(e, copied[1])]
            loaded = next((e for e in reversed(self._met) if e in named), self._current)
            only = named[0].dump_id if len(named) == 1 else None
            self._add(EntryError(label=_label(loaded), message=_primary(text), dump_id=only))
        else:
            self._add(EntryError(label=_label(self._current), message=_primary(text)))
            self._nameless = count == 1 and len(self.found) < ERRORS_KEPT
        for _ in range(count - 1):
            self._add(EntryError(label=SOME_ENTRY, message=TORN))

    def _add(self, error: EntryError) -> None:
        if len(self.found) < ERRORS_KEPT:
            self.found.append(error)


def run_entries(
    archive: ArchiveSource,
    entries: tuple[Entry, ...],
    *,
    target: Target,
    tools: Installation,
    jobs: int,
    on_progress: Callable[[str], None] = lambda _text: None,
) -> tuple[EntryError, ...]:
    """Restore some entries of an archive into a database; return every error.

    Without a file there is one job, whatever `jobs` says: pg_restore cannot share a pipe.

    Raises: ToolFailedError when pg_restore itself could not work (connection lost,
    archive unreadable); StorageError when the archive was not what it had to be;
    OperationFailedError when pg_restore cannot be started.
    """
    if not entries:
        return ()
    errors = _Errors(entries, on_progress)
    with pg_restore(
        archive,
        entries,
        tools=tools,
        arguments=(
            f"--jobs={jobs if archive.path is not None else 1}",
            f"--dbname={_database_argument(target.database)}",
            "--no-password",
            "--verbose",
        ),
        environment={**target.environment(), "PGAPPNAME": "kulti-ops restore"},
        on_stderr=errors.see,
        quiet=True,
    ) as run:
        code = run.wait(timeout_s=TIMEOUT_S)
    if code == 0:
        return ()
    if not errors.found and errors.went_on:
        return (EntryError(label=SOME_ENTRY, message=UNNAMED),)
    if not errors.found:
        raise ToolFailedError("pg_restore", code, run.child.stderr_tail)
    return errors.told_apart()


def _label(entry: Entry | None) -> str:
    return entry.label if entry else ""


def _has_statement(entry: Entry, start: str) -> bool:
    """Tell whether a statement that begins like this is an entry's, or makes its owner."""
    object_name = entry.drop_statement.strip().rstrip(";").removeprefix("DROP ")
    owned = bool(object_name) and start.startswith(f"ALTER {object_name} OWNER TO ")
    made_by = (entry.definition.lstrip("\n"), entry.copy_statement)
    return owned or any(text.startswith(start) for text in made_by)


def _has_rows_of(entry: Entry, table: str) -> bool:
    return entry.desc == "TABLE DATA" and entry.tag == table


def _database_argument(name: str) -> str:
    """Return a conninfo that names a database, whatever its name looks like."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def _primary(text: str) -> str:
    """Return the server's own message without pg_restore's introduction and without values."""
    introduction = r"^(?:could not execute query|COPY failed for table .*?): (?=ERROR)"
    return redact_server(re.sub(introduction, "", text))
