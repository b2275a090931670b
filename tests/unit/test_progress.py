from __future__ import annotations

import pytest

from kulti_ops.progress import SILENT, Recorded, size


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (1_400_000_000, "1.4 GB"),
        (5_000_000_000_000, "5.0 TB"),
        (5_000_000_000_000_000, "5000.0 TB"),
        (-2000, "-2.0 kB"),
    ],
)
def test_size_is_in_powers_of_a_thousand(size_bytes: float, text: str) -> None:
    assert size(size_bytes) == text


def test_recorded_hands_steps_to_both_and_details_to_the_listener() -> None:
    class Listener:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def step(self, text: str) -> None:
            self.seen.append(f"step {text}")

        def advance(self, text: str) -> None:
            self.seen.append(f"advance {text}")

        def clear(self) -> None:
            self.seen.append("clear")

    listener = Listener()
    steps: list[str] = []
    progress = Recorded(listener, steps.append)
    progress.step("one")
    progress.advance("half")
    progress.clear()
    assert listener.seen == ["step one", "advance half", "clear"]
    assert steps == ["one"]


def test_silent_listener_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    SILENT.step("x")
    SILENT.advance("x")
    SILENT.clear()
    assert capsys.readouterr() == ("", "")
