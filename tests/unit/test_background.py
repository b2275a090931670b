"""What is begun in a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from kulti_ops.background import begin

if TYPE_CHECKING:
    from pytest_mock import MockerFixture


def test_begin_does_not_wait_and_its_result_does() -> None:
    go = threading.Event()

    def work() -> str:
        assert go.wait(10)
        return threading.current_thread().name

    begun = begin(work, name="beside")
    assert not begun.done()
    go.set()
    assert begun.result(10) == "beside"


def test_begin_hands_what_was_raised_to_whoever_asks() -> None:
    def work() -> None:
        raise KeyboardInterrupt

    begun = begin(work, name="beside")
    with pytest.raises(KeyboardInterrupt):
        begun.result(10)


def test_begin_without_a_thread_does_it_here(mocker: MockerFixture) -> None:
    mocker.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start"))
    assert begin(threading.get_ident, name="beside").result(0) == threading.get_ident()
