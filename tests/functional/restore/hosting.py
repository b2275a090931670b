"""A restore into a hosted project in this process, so that its comparison can be asked again."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.backup import catalog
from kulti_ops.db import connect, own_target
from kulti_ops.restore.hosted.compare import judge_restored
from kulti_ops.restore.hosted.run import HostedRestored, PreparedHosted, prepare_hosted, run_hosted
from kulti_ops.restore.hosted.view import HostedOptions
from kulti_ops.restore.run import RestoreOptions
from kulti_ops.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.db import Connection
    from kulti_ops.pgtools import Installation
    from kulti_ops.report import CheckResult
    from tests.functional.new_project import Database
    from tests.functional.restore.conftest import CommandLine


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """A project that a backup was restored into, and everything that was known on the way."""

    database: Database
    prepared: PreparedHosted
    done: HostedRestored
    tools: Installation

    def result(self, check_id: str) -> CheckResult:
        """One check's result."""
        return next(r for r in self.done.results if r.id == check_id)

    def compare(self, connection: Connection) -> dict[str, CheckResult]:
        """Compare as `postgres`, over a connection in a transaction."""
        connection.execute("SET LOCAL ROLE postgres")
        found = judge_restored(connection, self.prepared, self.done.outcome, tools=self.tools)
        connection.execute("RESET ROLE")
        return {result.id: result for result in found}

    @contextmanager
    def changed(self, *statements: str, role: str = "") -> Iterator[Connection]:
        """Change the project as the superuser, or as another role, until the context ends."""
        target = own_target(self.database.admin_url, "the project")
        with (
            closing(connect(target, application="test")) as connection,
            connection.transaction(force_rollback=True),
        ):
            if role:
                connection.execute(f"SET LOCAL ROLE {role}".encode())
            for statement in statements:
                connection.execute(statement.encode())
            connection.execute("RESET ROLE")
            yield connection


def restore(
    kulti: CommandLine,
    database: Database,
    *,
    tools: Installation,
    hosted: HostedOptions | None = None,
) -> Restoration:
    """Restore the latest backup into a project."""
    storage = open_storage(kulti.environment["KULTI_OPS_STORAGE"])
    manifest = catalog.usable_manifest(catalog.find(storage, None))
    options = RestoreOptions(tools=tools, create_roles=True)
    prepared = prepare_hosted(
        manifest,
        storage,
        own_target(database.url, "the project"),
        options=options,
        hosted=hosted or HostedOptions(),
    )
    done = run_hosted(prepared, options=options)
    return Restoration(database=database, prepared=prepared, done=done, tools=tools)
