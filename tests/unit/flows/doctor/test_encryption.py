"""The doctor on encryption: proven by sealing and opening, or said why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyrage
import pytest

from kulti_ops.config import load_settings
from kulti_ops.flows.doctor.encryption import encryption
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kulti_ops.flows.doctor.check import Answer

    Ask = Callable[..., Answer]

OURS, OTHERS = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
TO_US, TO_OTHERS = str(OURS.to_public()), str(OTHERS.to_public())


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.txt"
    path.write_text(str(OURS))
    path.chmod(0o600)
    return path


@pytest.fixture
def diagnose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ask:
    monkeypatch.chdir(tmp_path)

    def ask(to: str = "", file: object = "", text: str = "") -> Answer:
        monkeypatch.setenv("KULTI_OPS_ENCRYPT_TO", to)
        monkeypatch.setenv("KULTI_OPS_IDENTITY_FILE", str(file))
        monkeypatch.setenv("KULTI_OPS_IDENTITY", text)
        answer = encryption(load_settings())
        assert "SECRET-KEY" not in repr(answer)
        return answer

    return ask


def test_doctor_encryption_not_wanted_is_skipped(diagnose: Ask, key: Path) -> None:
    assert diagnose().status is Verdict.SKIPPED
    assert diagnose(file=key).status is Verdict.SKIPPED


def test_doctor_encryption_without_identity_is_skipped_with_the_reason(diagnose: Ask) -> None:
    answer = diagnose(TO_US)
    assert answer.status is Verdict.SKIPPED
    assert "no identity here" in answer.summary
    assert TO_US in answer.summary


def test_doctor_encryption_that_opens_is_ok(diagnose: Ask, key: Path) -> None:
    assert diagnose(TO_US, file=key).status is Verdict.OK
    assert diagnose(TO_US, text=str(OURS)).status is Verdict.OK
    both = diagnose(f"{TO_OTHERS},{TO_US}", file=key)
    assert both.status is Verdict.OK
    assert both.evidence == {"recipients": 2, "opened": 1}


def test_doctor_encryption_to_others_only_warns(diagnose: Ask, key: Path) -> None:
    answer = diagnose(TO_OTHERS, file=key)
    assert answer.status is Verdict.WARN
    assert "opens nothing" in answer.summary


def test_doctor_encryption_private_key_for_others_to_read_warns(diagnose: Ask, key: Path) -> None:
    key.chmod(0o640)
    answer = diagnose(TO_US, file=key)
    assert answer.status is Verdict.WARN
    assert answer.next == f"chmod 600 {key}; seal to a new key if it got out"


@pytest.mark.parametrize(
    ("to", "file", "reason"),
    [
        ("age1nonsense", "", "recipient 1 is none"),
        ("/nowhere", "", "cannot be read"),
        ("", "/nowhere", "cannot be read"),
        ("", __file__, "is no age or SSH private key"),
    ],
)
def test_doctor_encryption_settings_that_cannot_be_used_are_crit(
    diagnose: Ask, to: str, file: str, reason: str
) -> None:
    answer = diagnose(to, file=file)
    assert answer.status is Verdict.CRIT
    assert reason in answer.summary
