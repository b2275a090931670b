"""What is written beside a dump, and the manifest that vouches for it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from kulti_ops.backup import catalog
from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.manifest import Artifact
from kulti_ops.backup.publish import Facts, publish, put_expectations, put_sums
from kulti_ops.errors import StorageError
from kulti_ops.inventory import Inventory
from kulti_ops.storage.local import LocalStorage
from tests.unit.backup.storing import NOW, store
from tests.unit.storage.contract import BACKUP, KEY, put

if TYPE_CHECKING:
    from pathlib import Path

INVENTORY = Inventory(items=(), row_counts={"public.a": 1}, sequences={}, session={})
AT = datetime(2026, 11, 22, 3, tzinfo=UTC)


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(str(tmp_path / "backups"))
    made.prepare()
    return made


def facts_of(storage: LocalStorage) -> Facts:
    """Store a dump and what goes beside it, as a run does before it publishes."""
    put(storage, KEY, b"dump")
    beside = put_expectations(storage, BACKUP, INVENTORY, recipients=())
    dump = Artifact(name="dump.pgc", kind="dump", size_bytes=4, sha256="a" * 64)
    sums = put_sums(storage, BACKUP, (dump, *beside))
    survey = SimpleNamespace(
        server_version="17.6", server_version_num=170006, database_bytes=1, vendors=()
    )
    return Facts(
        backup_id=BACKUP,
        label="kulti",
        created_at=AT,
        snapshot_at=AT,
        target=cast(
            "Any", SimpleNamespace(host="db.example", port=5432, database="kulti", user="postgres")
        ),
        survey=cast("Any", survey),
        system_identifier=None,
        pg_dump_version="17.6",
        compression="zstd:3",
        artifacts=(dump, *beside, sums),
        rows_counted=True,
        without_data=(),
        large_objects=True,
    )


def test_publish_asks_for_what_a_listing_does_not_show_yet(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = facts_of(storage)
    with monkeypatch.context() as patched:
        patched.setattr(LocalStorage, "list", lambda *_: iter(()))
        manifest = publish(storage, facts, INVENTORY, durations_s={})
    (entry,) = catalog.list_entries(storage)
    assert entry.manifest == manifest


def test_publish_writes_a_manifest_of_what_is_stored(storage: LocalStorage) -> None:
    manifest = publish(storage, facts_of(storage), INVENTORY, durations_s={})
    assert [a.kind for a in manifest.artifacts] == ["dump", "globals", "inventory", "sums"]
    (entry,) = catalog.list_entries(storage)
    assert entry.manifest == manifest


class Forgetful(LocalStorage):
    """A folder from which something goes, or is cut, once the sums are written."""

    gone, cut = "", ""

    def list(self, prefix: str = "") -> Any:
        if self.gone:
            self.delete(self.gone)
        if self.cut:
            (self.root / self.cut).write_bytes(b"d")
        return super().list(prefix)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ({"gone": f"{BACKUP}/globals.sql"}, "globals.sql: .* none are stored"),
        ({"gone": f"{BACKUP}/SHA256SUMS"}, "SHA256SUMS: .* none are stored"),
        ({"cut": KEY}, "dump.pgc: 4 bytes were written, 1 are stored"),
    ],
    ids=["gone", "sums gone", "cut"],
)
def test_publish_of_what_the_storage_did_not_keep_leaves_no_manifest(
    storage: LocalStorage, harm: dict[str, str], words: str
) -> None:
    facts = facts_of(storage)
    forgetful = Forgetful(str(storage.root))
    vars(forgetful).update(harm)
    with pytest.raises(StorageError, match=words):
        publish(forgetful, facts, INVENTORY, durations_s={})
    assert storage.info(f"{BACKUP}/{manifests.FILE_NAME}") is None


def test_last_size_is_that_of_the_newest_readable_backup_of_the_source(
    storage: LocalStorage,
) -> None:
    source = "db.kulti.example:5432/postgres"
    ours = store(storage, NOW, number=1)
    theirs = store(storage, NOW.replace(hour=5), number=2, host="db.other.example")
    damaged = store(storage, NOW.replace(hour=6), number=3)
    (storage.root / damaged / manifests.FILE_NAME).write_bytes(b"{}")
    entry = catalog.read_entry(storage, ours)
    assert entry is not None
    assert entry.manifest is not None
    ids = (ours, theirs, damaged, "no backup")
    found = catalog.last_size_bytes(storage, ids, source=source)
    assert found == entry.manifest.size_bytes
    assert catalog.last_size_bytes(storage, (theirs, damaged), source=source) is None
