"""Recipients and identities as people write them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyrage
import pytest

from kulti_ops.errors import ConfigError
from kulti_ops.sealing import Identities, LockedError, describe, opens, parse_recipients

OURS, OTHERS = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
A, B = str(OURS.to_public()), str(OTHERS.to_public())
SSH_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIDpd0JvXFM4Wb7dnqGZTaw0F1+vPfnXYn93KULSyfaY+"
SSH = f"ssh-ed25519 {SSH_KEY}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, ()),
        ("  ", ()),
        (A, (A,)),
        (f"{A},{B}", (A, B)),
        (f" {A}  {B} ,{A}", (A, B)),
        (f"{SSH} somebody@host, {A}", (SSH, A)),
        (f"{SSH} {A}", (SSH, A)),
        (f"{A} {SSH}", (A, SSH)),
    ],
    ids=["unset", "blank", "one", "comma", "blanks", "ssh comment", "ssh first", "ssh last"],
)
def test_recipients_are_separated_by_commas_or_blanks(
    text: str | None, found: tuple[str, ...]
) -> None:
    assert parse_recipients(text) == found


def test_recipients_file_has_one_on_a_line_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "recipients"
    file.write_text(f"# the team, since 2026, all\n{A}\n\n{SSH} somebody, at home\n  # gone: {B}\n")
    assert parse_recipients(str(file)) == (A, SSH)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("age1nonsense", "recipient 1 is none"),
        (f"{A},{A}x", "recipient 2 is none"),
        ("ssh-ed25519", "recipient 1 is none"),
        ("ssh-ed25519 !!!!", "recipient 1 is none"),
        (str(OURS), "that is a private key"),
        (f"{A} {OURS}", "recipient 2 is none: that is a private key"),
        ("/nowhere/at/all", "cannot be read: no such file"),
        (",".join(str(pyrage.x25519.Identity.generate().to_public()) for _ in range(17)), "16"),
    ],
    ids=["age", "second", "ssh", "ssh key", "private", "second private", "path", "too many"],
)
def test_recipients_that_are_none_are_refused_without_their_text(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as error:
        parse_recipients(text)
    assert "SECRET-KEY" not in error.value.message


def test_recipients_file_without_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nobody yet\n")
    with pytest.raises(ConfigError, match="names no recipient"):
        parse_recipients(str(tmp_path / "empty"))


def test_ssh_recipient_is_named_by_its_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(SSH + "\n")
    try:
        told = subprocess.run(
            ["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout
    except FileNotFoundError:
        told = "256 SHA256:9Ux0wxYoMsbpNLjqwCh79xbCzZbY4FRtCbOB6ZzVyyA no comment"
    assert describe(SSH) == f"ssh-ed25519 {told.split()[1]}"
    assert describe(A) == A


@pytest.mark.parametrize("where", ["file", "text", "both"])
def test_identities_open_what_is_sealed_to_them(tmp_path: Path, where: str) -> None:
    file = tmp_path / "key.txt"
    file.write_text(f"# created: today\n# public key: {A}\n{OURS}\n")
    identities = {
        "file": Identities(file=file),
        "text": Identities(text=str(OURS)),
        "both": Identities(file=file, text=str(OTHERS)),
    }[where]
    assert opens(A, identities)
    assert opens(B, identities) is (where == "both")
    assert "SECRET" not in repr(identities)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no identity"),
        ("# nothing\n", "holds no identity"),
        ("nonsense", "is no age or SSH private key"),
        ("age1public", "is no age or SSH private key"),
        ("age-encryption.org/v1\n-> scrypt x", "protected by a passphrase"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "is no age or SSH private key"),
    ],
)
def test_identity_file_that_holds_none_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "key.txt").write_text(text)
    with pytest.raises(LockedError, match=reason):
        Identities(file=tmp_path / "key.txt").load()


def test_identities_that_are_not_there_are_refused() -> None:
    with pytest.raises(LockedError, match="no identity is given"):
        Identities().load()
    with pytest.raises(LockedError, match=r"\(/nowhere\) cannot be read: no such file"):
        Identities(file=Path("/nowhere")).load()
