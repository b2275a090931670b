"""What receivers are told, and that none of them can hold a run up."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kulti_ops.errors import ConfigError, OperationFailedError
from kulti_ops.notify import Beginning, Ending
from kulti_ops.notify.herald import Herald
from kulti_ops.notify.monitor import SentryMonitor, envelope, monitor_config
from kulti_ops.notify.ping import Ping, ping_url
from kulti_ops.notify.textfile import Textfile, metrics
from kulti_ops.report import Verdict
from tests.sentry import items_of

T = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
BEGINNING = Beginning(
    schedule="daily",
    run_id="0" * 32,
    crontab="30 3 * * *",
    zone="UTC",
    grace_minutes=60,
    max_runtime_minutes=479.5,
)
ENDING = Ending(
    beginning=BEGINNING,
    failed=False,
    exit_code=0,
    ended_at=T,
    duration_s=12.5,
    text="all well",
    size_bytes=1234,
    last_success_at=T,
    last_proven_at=None,
)


@pytest.mark.parametrize(
    ("url", "word", "expected"),
    [
        ("https://h.example/k", "", "https://h.example/k"),
        ("https://h.example/k", "start", "https://h.example/k/start"),
        ("https://h.example/k/", "fail", "https://h.example/k/fail"),
        ("https://h.example/k/{schedule}", "fail", "https://h.example/k/daily/fail"),
        ("https://h.example/k?a=b#c", "fail", "https://h.example/k/fail?a=b"),
    ],
)
def test_ping_url_gets_the_word_before_its_query(url: str, word: str, expected: str) -> None:
    assert ping_url(url, schedule="daily", word=word) == expected


def test_notifiers_show_where_they_are_and_no_secret() -> None:
    ping = Ping("https://h.example/canary", timeout_s=1)
    dsn = "https://canary@s.example/42"
    monitor = SentryMonitor(dsn, slug="kulti", environment="production", timeout_s=1)
    assert (ping.where, monitor.where) == ("https://h.example", "https://s.example")


def test_sentry_monitor_without_a_usable_dsn_says_so() -> None:
    monitor = SentryMonitor("no dsn", slug="kulti", environment="production", timeout_s=1)
    with pytest.raises(ConfigError, match="DSN"):
        asyncio.run(monitor.begin(BEGINNING))


def test_monitor_config_is_whole_minutes_and_left_out_where_times_are_unknown() -> None:
    config = monitor_config(BEGINNING)["monitor_config"]
    assert (config["checkin_margin"], config["max_runtime"]) == (60, 480)
    assert monitor_config(replace(BEGINNING, crontab=None)) == {}


def test_envelope_is_taken_apart_by_its_receiver() -> None:
    assert items_of(envelope({"status": "ok"})) == [("check_in", {"status": "ok"})]
    assert json.loads(envelope({}).split(b"\n")[1])["type"] == "check_in"


def test_metrics_have_a_type_a_unit_and_zero_for_never() -> None:
    text = metrics(ENDING)
    names = re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)
    assert names == re.findall(r'^(\w+)\{schedule="daily"\} \d+\.\d+$', text, re.MULTILINE)
    assert 'last_proven_timestamp_seconds{schedule="daily"} 0.000' in text
    assert f'last_success_timestamp_seconds{{schedule="daily"}} {T.timestamp():.3f}' in text
    assert "size_bytes" not in metrics(replace(ENDING, size_bytes=None))


def test_textfile_is_replaced_whole_and_readable_by_others(tmp_path: Path) -> None:
    for ending in (ENDING, replace(ENDING, exit_code=10)):
        asyncio.run(Textfile(tmp_path).end(ending))
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert "exit_status" in file.read_text()
    with pytest.raises(OperationFailedError, match="cannot write"):
        asyncio.run(Textfile(tmp_path / "gone").end(ENDING))


class Fake:
    """A receiver that does as told: `take`, `hang`, `refuse` or `break`."""

    name = "fake"
    where = "https://fake.example"

    def __init__(self, begin: str, end: str) -> None:
        self.behaviour = (begin, end)
        self.taken: list[str] = []

    async def begin(self, _: Beginning) -> None:
        await self._act(self.behaviour[0], "begin")

    async def end(self, _: Ending) -> None:
        await self._act(self.behaviour[1], "end")

    async def _act(self, behaviour: str, what: str) -> None:
        if behaviour == "hang":
            await asyncio.Event().wait()
        if behaviour == "refuse":
            raise OperationFailedError("it said no")
        if behaviour == "break":
            raise ValueError("canary")
        self.taken.append(what)


@pytest.mark.parametrize(
    ("begin", "end", "status", "says"),
    [
        ("take", "take", Verdict.OK, "told https://fake.example"),
        ("hang", "take", Verdict.WARN, "the beginning: no answer in time"),
        ("take", "hang", Verdict.WARN, "the end: https://fake.example: no answer within"),
        ("hang", "hang", Verdict.WARN, "the end: https://fake.example: no answer within"),
        ("refuse", "refuse", Verdict.WARN, "the end: it said no"),
        ("break", "take", Verdict.WARN, "the beginning: https://fake.example: ValueError"),
    ],
)
def test_herald_comes_back_from_every_receiver(
    begin: str, end: str, status: Verdict, says: str
) -> None:
    receiver, other = Fake(begin, end), Fake("take", "take")
    herald = Herald((receiver, other), timeout_s=0.2)
    herald.begin(BEGINNING)
    result, fine = herald.end(ENDING)
    assert (result.status, fine.status) == (status, Verdict.OK)
    assert says in result.summary
    assert "canary" not in result.summary
    assert other.taken == ["begin", "end"]
    assert result.id == "notify-fake"


def test_herald_without_a_beginning_tells_the_end() -> None:
    receiver = Fake("take", "take")
    (result,) = Herald((receiver,), timeout_s=0.2).end(ENDING)
    assert result.status is Verdict.OK
    assert receiver.taken == ["end"]


def test_metrics_are_those_of_the_reference_page() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "schedule.md"
    documented = re.findall(r"^\| `(kulti_ops_backup_\w+)` \|", page.read_text(), re.MULTILINE)
    assert documented == re.findall(r"^# TYPE (\S+) ", metrics(ENDING), re.MULTILINE)
