from __future__ import annotations

import threading

import pytest

from kulti_ops.interruption import interrupt, put_off


class StopError(BaseException):
    """What a signal raises."""


def test_interrupt_raises_at_once() -> None:
    with pytest.raises(StopError):
        interrupt(StopError())


def test_interrupt_that_is_put_off_comes_at_the_end_of_the_outermost_context() -> None:
    reached = []

    def work() -> None:
        with put_off():
            with put_off():
                interrupt(StopError())
                reached.append("inner")
            reached.append("outer")
        reached.append("after")

    with pytest.raises(StopError):
        work()
    assert reached == ["inner", "outer"]
    with put_off():  # it came once
        pass


def test_interrupt_that_was_put_off_comes_although_the_work_failed() -> None:
    def work() -> None:
        with put_off():
            interrupt(StopError())
            raise ValueError

    with pytest.raises(StopError) as caught:
        work()
    assert isinstance(caught.value.__context__, ValueError)


def test_interrupt_is_not_put_off_by_another_thread() -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with put_off():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert inside.wait(10)
        with pytest.raises(StopError):
            interrupt(StopError())
    finally:
        leave.set()
        other.join()
