"""Leases whose answers were lost, and what is published while one is lost."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.errors import StorageError
from kulti_ops.storage.s3 import CLAIMS, LOCKS, S3Storage, lease
from kulti_ops.storage.s3.client import AnswerError
from kulti_ops.storage.s3.lease import LeaseTimes, look
from tests.unit.storage.contract import BACKUP
from tests.unit.storage.s3.test_storage import (
    PART,
    QUICK,
    on,
    plant_lease,
    prefix_of,
    server,
    small_parts,
    storage,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.s3server import S3Server

__all__ = ("server", "storage")  # fixtures
MANIFEST = f"{BACKUP}/manifest.json"


def hook(
    monkeypatch: pytest.MonkeyPatch, storage: S3Storage, after: Callable[[str, str], None]
) -> None:
    """Let `after` be called with each request's operation and key once it was answered."""
    call = storage.client.call

    def called(operation: str, doing: str, **arguments: Any) -> Any:
        answer = call(operation, doing, **arguments)
        after(operation, storage.client.own_key(arguments.get("Key", "")))
        return answer

    monkeypatch.setattr(storage.client, "call", called)


def test_s3_lease_whose_answer_was_lost_is_held(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client repeats a request whose answer was lost, and then is told that it lost a race."""
    lost: list[str] = []

    def lose_first(operation: str, key: str) -> None:
        if operation == "put_object" and not lost:
            lost.append(key)
            raise AnswerError("cannot write", hint="", code="PreconditionFailed")

    hook(monkeypatch, storage, lose_first)
    with storage.lock("source"):
        held = storage._locks["source"]
        held.check()
        held._beat()
        held.check()
        assert lost == [f"{LOCKS}source"]
    assert look(storage.client, f"{LOCKS}source") is None


def test_s3_lease_whose_renewal_was_done_but_not_answered_is_kept(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told that it lost the race against itself, hours of a backup must not be thrown away."""
    storage._times = replace(QUICK, beat_s=3600)
    with storage.lock("source"):
        held, before = storage._locks["source"], storage._locks["source"]._heard
        lost: list[str] = []

        def lose_first(operation: str, key: str) -> None:
            if operation == "put_object" and not lost:
                lost.append(key)
                raise AnswerError("cannot write", hint="", code="PreconditionFailed")

        hook(monkeypatch, storage, lose_first)
        for _ in range(3):
            held._beat()
            held.check()
        assert held._heard > before
        assert lost == [f"{LOCKS}source"]


def test_s3_lease_costs_one_request_to_take_and_one_to_give_up(
    swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = S3Storage(small_parts(swift), times=replace(QUICK, beat_s=3600))
    storage.client.creates_once = True
    asked: list[str] = []
    hook(monkeypatch, storage, lambda operation, _key: asked.append(operation))
    with storage.lock("source"):
        assert asked == ["put_object"]
    assert asked == ["put_object", "delete_object"]


def test_s3_leases_are_given_up_side_by_side_and_the_last_waits_for_all(
    swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = S3Storage(small_parts(swift), times=replace(QUICK, beat_s=3600))
    storage.client.creates_once = True
    under_way = threading.Barrier(2, timeout=10)  # neither removal is over before both have begun
    call = storage.client.call

    def called(operation: str, doing: str, **arguments: Any) -> Any:
        if operation == "delete_object":
            under_way.wait()
        return call(operation, doing, **arguments)

    monkeypatch.setattr(storage.client, "call", called)
    with storage.lock("source"), storage.claim(BACKUP):
        assert len(swift.keys(prefix_of(storage))) == len((LOCKS, CLAIMS))
    assert swift.keys(prefix_of(storage)) == []


def test_s3_lease_whose_release_fails_unforeseen_says_so(
    swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = S3Storage(small_parts(swift), times=replace(QUICK, beat_s=3600))

    def broken(_lease: lease.Lease) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), storage.lock("source"):
        monkeypatch.setattr(lease.Lease, "release", broken)


def test_s3_lease_of_another_is_not_given_up_by_one_who_slept(
    swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = S3Storage(small_parts(swift), times=LeaseTimes(beat_s=3600, stale_s=7200))
    storage.client.creates_once = True
    with storage.lock("source"):
        plant_lease(swift, storage, f"{LOCKS}source")
        now_s = lease._now_s()
        monkeypatch.setattr(lease, "_now_s", lambda: now_s + 7201)
    assert swift.keys(prefix_of(storage)) == [f"{LOCKS}source"]


@pytest.mark.parametrize("content", [b"{}", bytes(3 * PART)], ids=["small", "in parts"])
def test_s3_object_published_after_its_claim_was_taken_over_is_taken_back(
    swift: S3Server, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """Whoever took the claim over may have swept the artifacts that the manifest vouches for."""
    storage = on(swift)
    storage.client.creates_once, storage.client.replaces_known = True, False
    storage._times = LeaseTimes(beat_s=20, stale_s=120, settle_s=0)
    with storage.claim(BACKUP):

        def take_over(operation: str, key: str) -> None:
            if key == MANIFEST and operation in {"put_object", "complete_multipart_upload"}:
                plant_lease(swift, storage, CLAIMS + BACKUP)
                now_s = lease._now_s()
                monkeypatch.setattr(lease, "_now_s", lambda: now_s + 130)

        hook(monkeypatch, storage, take_over)
        with storage.writer(MANIFEST) as writer:
            writer.write(content)
            with pytest.raises(StorageError, match="was lost: it was taken over"):
                writer.commit()
    assert swift.keys(prefix_of(storage)) == [CLAIMS + BACKUP]  # the other's, left alone
    assert swift.uploads(prefix_of(storage)) == []
