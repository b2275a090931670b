"""Faults between here and an S3 server: no false ok, nothing half published, nothing lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.errors import StorageError, UnreachableError
from kulti_ops.storage.s3 import S3Storage
from kulti_ops.storage.s3.lease import LeaseTimes
from tests.faulty_proxy import FaultyProxy, Request, faulty_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.s3server import S3Server

PART = 64 * 1024
ID = "20261122T030000Z-kulti-1a2b"
DUMP, MANIFEST = f"{ID}/dump.pgc", f"{ID}/manifest.json"
CONTENT = bytes(range(256)) * (2 * PART // 256 + 1)  # two parts and a bit
TIMES = LeaseTimes(beat_s=3600, stale_s=7200, settle_s=0.05)
PLACES: dict[str, Callable[[Request], bool]] = {
    "begin": lambda r: r.method == "POST" and "uploads" in r.query,
    "first part": lambda r: r.part == 1,
    "middle part": lambda r: r.part == 2,
    "last part": lambda r: r.part == 3,
    "completion": lambda r: r.completes,
    "manifest": lambda r: r.method == "PUT" and r.path.endswith("manifest.json"),
}


@pytest.fixture(scope="session")
def _proxy(swift: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(swift) as running:
        yield running


@pytest.fixture
def proxy(_proxy: FaultyProxy) -> Iterator[FaultyProxy]:
    """The proxy, well-behaved at first."""
    yield _proxy
    _proxy.heal()


def storage_of(proxy: FaultyProxy, *, attempts: int = 1, timeout_s: float = 20) -> S3Storage:
    """A storage behind the proxy, prepared while all is well."""
    proxy.heal()
    storage = S3Storage(
        proxy.as_server.options(
            part_min_bytes=PART, part_max_bytes=PART, attempts=attempts, timeout_s=timeout_s
        ),
        times=TIMES,
    )
    storage.client.creates_once, storage.client.replaces_known = True, False
    return storage


def publish(storage: S3Storage) -> None:
    """Do as a backup does: claim, a large object, the manifest last."""
    with storage.claim(ID):
        for key, content in ((DUMP, CONTENT), (MANIFEST, b"{}")):
            with storage.writer(key) as writer:
                writer.write(content)
                writer.commit()


def prefix_of(storage: S3Storage) -> str:
    return storage.client.options.prefix.rstrip("/")


def leftover_uploads(proxy: FaultyProxy, storage: S3Storage) -> list[str]:
    """What is left once the next run, when the claim is stale, has tidied up."""
    proxy.heal()
    next_run = S3Storage(
        storage.client.options, times=LeaseTimes(beat_s=3600, stale_s=-2, settle_s=0.05)
    )
    next_run.client.creates_once, next_run.client.replaces_known = True, False
    next_run.tidy()
    return proxy.server.uploads(prefix_of(storage))


def staged(fault: str, mark: pytest.MarkDecorator, *places: str) -> list[Any]:
    return [pytest.param(fault, place, marks=mark, id=f"{fault}-{place}") for place in places]


# Each place meets a reset, each fault two places: requests take their time on the real server.
STAYING = [
    *staged("reset", pytest.mark.fault("S3: connection reset"), *PLACES),
    *staged("500", pytest.mark.fault("S3: 500"), "middle part", "manifest"),
    *staged("503", pytest.mark.fault("S3: 503"), "completion"),
    *staged("403", pytest.mark.fault("S3: 403"), "first part", "manifest"),
    *staged("lost", pytest.mark.fault("S3: the answer is lost"), "begin", "last part"),
]


@pytest.mark.parametrize(("fault", "place"), STAYING)
def test_s3_fault_that_stays_publishes_nothing_and_leaves_nothing(
    proxy: FaultyProxy, fault: str, place: str, outcome: Callable[[object], None]
) -> None:
    storage = storage_of(proxy)
    proxy.stage(fault, PLACES[place])
    with pytest.raises(StorageError, match="cannot write") as caught:
        publish(storage)
    outcome(caught.value.message)
    assert proxy.staged > 0
    proxy.heal()
    assert storage.info(MANIFEST) is None
    assert proxy.server.uploads(prefix_of(storage)) == []


@pytest.mark.fault("S3: the answer is lost")
@pytest.mark.parametrize("place", ["completion", "manifest"])
def test_s3_lost_answer_to_what_was_done_is_no_failure(proxy: FaultyProxy, place: str) -> None:
    storage = storage_of(proxy)
    proxy.stage("lost", PLACES[place])
    publish(storage)
    assert proxy.staged == 1
    assert {info.key for info in storage.list()} == {DUMP, MANIFEST}


def test_s3_faults_that_pass_are_got_over(proxy: FaultyProxy) -> None:
    storage = storage_of(proxy, attempts=3)
    met: set[str] = set()

    def each_place_once(request: Request) -> bool:
        new = {name for name, is_it in PLACES.items() if is_it(request)} - met
        met.update(new)
        return bool(new)

    proxy.stage("503", each_place_once)
    publish(storage)
    assert proxy.staged == len(PLACES)
    proxy.heal()
    with storage.reader(DUMP) as reader:
        assert reader.read() == CONTENT
    assert storage.info(MANIFEST) is not None
    assert proxy.server.uploads(prefix_of(storage)) == []


@pytest.mark.fault("S3: the server falls silent")
def test_s3_silent_server_is_given_up_in_time(
    proxy: FaultyProxy, outcome: Callable[[object], None]
) -> None:
    storage = storage_of(proxy, timeout_s=3)
    proxy.stage("silent", PLACES["middle part"])
    with pytest.raises(UnreachableError, match="the server did not answer in time") as caught:
        publish(storage)
    outcome(caught.value.message)
    proxy.heal()
    assert storage.info(MANIFEST) is None
    assert proxy.server.uploads(prefix_of(storage)) == []


@pytest.mark.fault("S3: the abort fails too")
def test_s3_upload_whose_abort_fails_is_found_by_the_next_run(proxy: FaultyProxy) -> None:
    storage = storage_of(proxy)
    proxy.stage("reset", lambda r: r.part == 2 or r.aborts)
    with pytest.raises(StorageError):
        publish(storage)
    assert proxy.server.uploads(prefix_of(storage)) == [DUMP]
    assert leftover_uploads(proxy, storage) == []


def refused(fault: str, told: str, mark: pytest.MarkDecorator) -> Any:
    return pytest.param(fault, told, marks=mark)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        refused("expired", "have expired", pytest.mark.fault("S3: expired credentials")),
        refused("skewed", "clock is too far from", pytest.mark.fault("S3: clock skew")),
        refused("region", "is in another region", pytest.mark.fault("S3: wrong region")),
        refused("bucket gone", "there is no bucket", pytest.mark.fault("S3: bucket gone")),
        refused("403", "access is denied", pytest.mark.fault("S3: access denied to everything")),
    ],
)
def test_s3_refusal_of_everything_is_told_and_is_no_verdict_on_backups(
    proxy: FaultyProxy, fault: str, told: str, outcome: Callable[[object], None]
) -> None:
    storage = storage_of(proxy)
    publish(storage)
    reader = storage.reader(DUMP)
    reader.read(10)
    proxy.stage(fault, lambda _request: True)
    with reader:
        reader._body.close()  # type: ignore[attr-defined]
        for use in (
            storage.prepare,
            storage.folders,
            lambda: list(storage.list(ID)),
            lambda: storage.info(DUMP),
            lambda: storage.read_small(MANIFEST, limit_bytes=99),
            lambda: publish(storage),
            lambda: storage.sweep(ID),
            storage.unfinished,
            lambda: storage.delete(DUMP),
        ):
            with pytest.raises(UnreachableError, match=told) as caught:
                use()
            assert caught.value.hint
    outcome(caught.value.message)
    proxy.heal()
    assert {info.key for info in storage.list()} == {DUMP, MANIFEST}


@pytest.mark.fault("S3: download cut")
def test_s3_download_that_is_cut_goes_on_where_it_was(proxy: FaultyProxy) -> None:
    storage = storage_of(proxy)
    publish(storage)
    proxy.stage("cut", lambda r: r.method == "GET" and r.path.endswith("dump.pgc"), times=3)
    with storage.reader(DUMP) as reader:
        assert reader.read() == CONTENT
    assert proxy.staged == 3


@pytest.mark.fault("S3: download cut again and again")
@pytest.mark.parametrize("fault", ["reset", "500"])
def test_s3_download_that_never_comes_to_its_end_is_an_error(
    proxy: FaultyProxy, fault: str
) -> None:
    storage = storage_of(proxy)
    publish(storage)
    with storage.reader(DUMP) as reader:
        reader.read(1000)
        proxy.stage(fault, lambda r: "dump.pgc" in r.path)
        reader._body.close()  # type: ignore[attr-defined]
        with pytest.raises(UnreachableError):
            reader.read()


@pytest.mark.fault("S3: listing fails behind its first page")
def test_s3_listing_that_fails_half_way_is_no_short_listing(
    proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kulti_ops.storage.s3 import listing

    storage = storage_of(proxy)
    publish(storage)
    page = listing.page
    monkeypatch.setattr(
        listing, "page", lambda client, prefix="", **more: page(client, prefix, MaxKeys=1, **more)
    )
    proxy.stage("500", lambda r: "continuation-token" in r.query)
    with pytest.raises(UnreachableError):
        list(storage.list())
    assert proxy.staged == 1


def test_s3_without_the_right_to_remove_leaves_rubbish_alone(proxy: FaultyProxy) -> None:
    storage = storage_of(proxy)
    with storage.writer(DUMP) as writer:
        writer.write(b"left by a dead run")
        writer.commit()
    proxy.stage("403", lambda r: r.method == "DELETE" and "/.kulti/" not in r.path)
    assert storage.sweep(ID) is False
    assert proxy.staged == 1
    proxy.heal()
    assert storage.sweep(ID) is True
