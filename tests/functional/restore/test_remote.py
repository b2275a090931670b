"""Backups whose storage is not this machine: everything is read as a stream."""

from __future__ import annotations

import io
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import psycopg
import pytest
from psycopg import sql

from kulti_ops.backup.catalog import find, usable_manifest
from kulti_ops.config import load_settings
from kulti_ops.db import parse_target
from kulti_ops.errors import StorageError
from kulti_ops.pgserver import server_installation
from kulti_ops.pgtools import find_installations
from kulti_ops.platform.shape import EXTENSIONS_DIR
from kulti_ops.report import Verdict
from kulti_ops.restore.drill import DrillOptions, run_drill
from kulti_ops.restore.run import Prepared, RestoreOptions, prepare_restore, run_restore
from kulti_ops.restore.table import TableOptions, prepare_table
from kulti_ops.restore.table_run import bring_table
from kulti_ops.storage.local import LocalStorage
from tests.functional.faults.stage import REAL_BIN
from tests.functional.restore.conftest import execute, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kulti_ops.sandbox.lifecycle import SandboxInfo
    from tests.functional.conftest import Database
    from tests.functional.restore.conftest import CommandLine

TOOLS = find_installations(REAL_BIN, search_path="")
DUMP = "dump.pgc"


class Remote(LocalStorage):
    """A storage whose objects are no files here; `changed` flips a byte of what it gives."""

    changed = False

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.opened: list[str] = []

    def local_path(self, key: str) -> Path:
        super().local_path(key)
        return None  # type: ignore[return-value]  # as a storage elsewhere does

    def reader(self, key: str) -> BinaryIO:
        self.opened.append(key.rpartition("/")[2])
        stream = super().reader(key)
        if not (self.changed and key.endswith(DUMP)):
            return stream
        with stream:
            data = bytearray(stream.read())
        data[-8] ^= 1  # in the last block: the table of contents is as it was
        return io.BytesIO(data)


@pytest.fixture
def remote(kulti: CommandLine) -> Remote:
    return Remote(kulti.environment["KULTI_OPS_STORAGE"])


@pytest.fixture
def empty(sandbox: SandboxInfo) -> Iterator[str]:
    """An empty database beside the sandbox: its server has the roles and extensions."""
    name = "restored_remotely"
    with psycopg.connect(sandbox.admin_url, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 OWNER postgres")
        connection.execute(create.format(sql.Identifier(name)))
    yield sandbox.admin_url.removesuffix("postgres") + name
    with psycopg.connect(sandbox.admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def lists() -> Callable[[], set[Path]]:
    """What lies in the temporary folder under our name."""
    return lambda: set(Path(tempfile.gettempdir()).glob("kulti-ops-*.list"))


def prepared(remote: Remote, url: str, options: RestoreOptions) -> Prepared:
    manifest = usable_manifest(find(remote, None))
    target = parse_target(url, load_settings())
    return prepare_restore(manifest, remote, target, options=options, empty=False)


@pytest.mark.parametrize("fetched", [False, True])
def test_remote_backup_is_restored_and_proven(
    remote: Remote,
    empty: str,
    lists: Callable[[], set[Path]],
    server_root: Path,
    *,
    fetched: bool,
) -> None:
    before = lists()
    folder = server_root / "scratch" if fetched else None
    options = RestoreOptions(tools=TOOLS[0], jobs=2, scratch_root=folder)
    done = run_restore(prepared(remote, empty, options), options=options)
    found = {r.id: r for r in done.results}
    if fetched:
        assert list(server_root.rglob("*")) == [folder]
    else:
        assert found.pop("jobs").status is Verdict.SKIPPED
    assert found
    assert [(r.id, r.summary) for r in found.values() if r.status is not Verdict.OK] == []
    assert all(t.match for t in done.tables)
    assert lists() == before


def test_remote_backup_that_changed_after_its_verification_fails_the_restore(
    remote: Remote, empty: str
) -> None:
    options = RestoreOptions(tools=TOOLS[0], jobs=1)
    ready = prepared(remote, empty, options)
    remote.changed = True
    with pytest.raises(StorageError, match=r"is not what its manifest says"):
        run_restore(ready, options=options)


def test_remote_backup_is_drilled(remote: Remote, session_root: Path) -> None:
    manifest = usable_manifest(find(remote, None))
    install = server_installation(session_root / "cache", extra_extensions=EXTENSIONS_DIR)
    options = DrillOptions(scratch_root=session_root / "drills", server=install, tools=TOOLS[0])
    done = run_drill(manifest, remote, options=options)
    assert {r.status for r in done.results} == {Verdict.OK}, done.results
    assert remote.opened[-1:] == [DUMP]  # the last that it was asked for was the archive
    assert remote.opened.count(DUMP) == 3  # its contents, its whole, and to fetch it


@pytest.mark.parametrize("changed", [False, True])
def test_remote_backup_gives_one_table_back_unless_it_changed(
    remote: Remote, sandbox_copy: Callable[[], Database], *, changed: bool
) -> None:
    live = sandbox_copy()
    execute(live.url, "DELETE FROM public.credit_transactions")
    options = TableOptions(now=datetime.now(UTC), into_schema="from_afar")
    ready = prepare_table(
        find(remote, None),
        remote,
        parse_target(live.url, load_settings()),
        name="public.credit_transactions",
        tools=TOOLS[0],
        options=options,
    )
    remote.changed = changed
    if changed:
        with pytest.raises(StorageError, match="is not what its manifest says"):
            bring_table(ready, options=options)
        assert rows(live.url, "SELECT to_regnamespace('from_afar')") == [(None,)]
        return
    done = bring_table(ready, options=options)
    assert done.difference is not None
    assert done.difference.missing == done.rows > 1000
