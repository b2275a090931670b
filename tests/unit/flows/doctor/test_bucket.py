"""The doctor's look at a bucket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kulti_ops.config import load_settings
from kulti_ops.flows.doctor import places
from kulti_ops.report import Verdict
from tests.s3server import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.flows.doctor.check import Answer
    from tests.s3server import S3Server


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[S3Server], None]:
    """Have the settings name a fresh place on a server."""

    def name(server: S3Server) -> None:
        for variable, value in server.environment().items():
            monkeypatch.setenv(variable, value)

    return name


def look(*, clock: timedelta = timedelta()) -> Answer:
    return places.storage(load_settings(), datetime.now(UTC) + clock)


def test_doctor_bucket_that_can_be_written_is_ok_and_left_as_it_was(
    swift: S3Server, use: Callable[[S3Server], None]
) -> None:
    use(swift)
    answer = look()
    assert answer.status is Verdict.OK
    assert answer.evidence["versions"] == "none"
    assert answer.evidence["creates_once"] is True
    found = swift.boto().list_objects_v2(Bucket=BUCKET)
    assert [entry for entry in found.get("Contents", ()) if "probe" in entry["Key"]] == []


@pytest.mark.parametrize("minutes", [-10, 10])
def test_doctor_bucket_whose_clock_differs_warns(
    swift: S3Server, use: Callable[[S3Server], None], minutes: int
) -> None:
    use(swift)
    answer = look(clock=timedelta(minutes=minutes))
    assert answer.status is Verdict.WARN
    assert ("+" in answer.summary) == (minutes > 0)


def test_doctor_bucket_that_strangers_can_list_is_crit(
    moto: S3Server, use: Callable[[S3Server], None]
) -> None:
    use(moto)  # which lets everybody in
    answer = look()
    assert answer.status is Verdict.CRIT
    assert "anybody can list it" in answer.summary


def test_doctor_bucket_that_is_not_there_is_crit(
    swift: S3Server, use: Callable[[S3Server], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(swift)
    monkeypatch.setenv("KULTI_OPS_STORAGE", "s3://no-such-bucket/x")
    answer = look()
    assert answer.status is Verdict.CRIT
    assert "no bucket no-such-bucket" in answer.summary
    assert answer.next
