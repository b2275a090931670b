"""A storage as a whole: what is missing, what belongs to nobody, who else gets in."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kulti_ops.report import Verdict, worst
from kulti_ops.storage import Exposure, Unfinished
from kulti_ops.storage.local import LocalStorage
from kulti_ops.verify.storage import verify_storage
from tests.unit.backup.storing import NOW, store

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.report import CheckResult


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(str(tmp_path / "backups"))
    made.prepare()
    return made


def look(storage: LocalStorage) -> dict[str, CheckResult]:
    return {result.id: result for result in verify_storage(storage)}


def bad(storage: LocalStorage) -> dict[str, Verdict]:
    return {i: r.status for i, r in look(storage).items() if r.status is not Verdict.OK}


def put(storage: LocalStorage, key: str, content: bytes = b"x") -> None:
    with storage.writer(key) as writer:
        writer.write(content)
        writer.commit()


def test_storage_with_whole_backups_is_ok(storage: LocalStorage) -> None:
    for number in range(3):
        store(storage, NOW - timedelta(days=number), number=number)
    assert bad(storage) == {}


def test_storage_without_backups_has_nothing_to_say_about_them(storage: LocalStorage) -> None:
    assert bad(storage) == dict.fromkeys(("manifests", "artifacts", "sizes"), Verdict.SKIPPED)
    assert worst(r.status for r in verify_storage(storage)) is Verdict.OK


class Joined(LocalStorage):
    """A folder in which a run begins as soon as somebody begins to look."""

    def __init__(self, root: str, runs: ExitStack) -> None:
        super().__init__(root)
        self.runs = runs

    def unfinished(self) -> tuple[Unfinished, ...]:
        found = super().unfinished()
        if not found:
            name = "20261122T030000Z-kulti-1a2b"
            self.runs.enter_context(self.claim(name))
            put(self, f"{name}/globals.sql")
        return found


def test_storage_in_which_a_run_begins_meanwhile_is_ok(storage: LocalStorage) -> None:
    store(storage, NOW)
    with ExitStack() as runs:
        assert bad(Joined(str(storage.root), runs)) == {}


def test_storage_that_lacks_an_artifact_is_crit(storage: LocalStorage) -> None:
    backup_id = store(storage, NOW)
    storage.delete(f"{backup_id}/dump.pgc")
    assert bad(storage) == {"artifacts": Verdict.CRIT}
    assert f"{backup_id}/dump.pgc" in look(storage)["artifacts"].summary


def test_storage_with_an_artifact_of_another_size_is_crit(storage: LocalStorage) -> None:
    backup_id = store(storage, NOW)
    (storage.root / backup_id / "dump.pgc").write_bytes(b"short")
    assert bad(storage) == {"sizes": Verdict.CRIT}


def test_storage_with_a_damaged_manifest_is_crit_and_keeps_its_artifacts(
    storage: LocalStorage,
) -> None:
    store(storage, NOW)
    backup_id = store(storage, NOW, number=1)
    (storage.root / backup_id / "manifest.json").write_bytes(b"{}")
    assert bad(storage) == {"manifests": Verdict.CRIT}


def test_storage_with_an_unreadable_manifest_is_unknown(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kulti_ops.errors import UnreachableError

    store(storage, NOW)

    def fail(key: str, *, limit_bytes: int) -> bytes:
        raise UnreachableError(f"cannot read {key} of {limit_bytes}")

    monkeypatch.setattr(storage, "read_small", fail)
    assert bad(storage)["manifests"] is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "key", ["20261122T030000Z-kulti-1a2b/dump.pgc", "holiday.jpg", "{id}/extra.bin"]
)
def test_storage_with_what_belongs_to_no_backup_warns(storage: LocalStorage, key: str) -> None:
    backup_id = store(storage, NOW)
    orphan = key.format(id=backup_id)
    put(storage, orphan)
    assert bad(storage) == {"orphans": Verdict.WARN}
    assert orphan in look(storage)["orphans"].summary


def test_storage_in_which_somebody_writes_is_ok(storage: LocalStorage) -> None:
    store(storage, NOW)
    folder = "20261122T030000Z-kulti-1a2b"
    with storage.claim(folder):
        put(storage, f"{folder}/globals.sql")
        with storage.writer(f"{folder}/dump.pgc") as writer:
            writer.write(b"half")
            assert bad(storage) == {}
            assert "1 being written now" in look(storage)["unfinished"].summary


def test_storage_with_a_dead_runs_leftovers_warns(storage: LocalStorage) -> None:
    store(storage, NOW)
    folder = storage.root / "20261122T030000Z-kulti-1a2b"
    folder.mkdir(mode=0o700)
    for name in (".claim", ".tmp-1"):
        (folder / name).touch(mode=0o600)
    assert bad(storage) == {"unfinished": Verdict.WARN}


def test_storage_that_others_can_read_is_crit(storage: LocalStorage) -> None:
    backup_id = store(storage, NOW)
    (storage.root / backup_id / "dump.pgc").chmod(0o644)
    assert bad(storage) == {"modes": Verdict.CRIT}
    modes = next(r for r in verify_storage(storage) if r.id == "modes")
    assert modes.next == f"chmod -R go= {storage.url}"


class Remote(LocalStorage):
    """A storage that says of itself what a test wants."""

    def __init__(
        self, root: str, *, said: tuple[Exposure, ...] = (), left: tuple[Unfinished, ...] = ()
    ) -> None:
        super().__init__(root)
        self.said, self.left = said, left

    def exposures(self) -> tuple[Exposure, ...]:
        return self.said

    def unfinished(self) -> tuple[Unfinished, ...]:
        return self.left


def test_storage_that_does_not_tell_who_gets_in_is_unknown(storage: LocalStorage) -> None:
    store(storage, NOW)
    told = Exposure(id="public-settings", good="closed", unanswered="not told")
    remote = Remote(storage.url, said=(told,))
    assert bad(remote) == {"public-settings": Verdict.UNKNOWN}


def test_storage_with_uploads_of_strangers_warns(storage: LocalStorage) -> None:
    store(storage, NOW)
    upload = Unfinished(key="x/big.iso", holder="", ours=False)
    remote = Remote(storage.url, left=(upload,))
    assert bad(remote) == {"unfinished": Verdict.WARN}
    assert "by hand" in (look(remote)["unfinished"].next or "")
