"""Recipients and identities: which keys seal, which open, and whether they fit.

Private keys are read when they are needed, kept nowhere, and never part of a message.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.config import Settings

RECIPIENTS_SETTING = "KULTI_OPS_ENCRYPT_TO"
IDENTITY_FILE_SETTING = "KULTI_OPS_IDENTITY_FILE"
IDENTITY_SETTING = "KULTI_OPS_IDENTITY"
MOST_RECIPIENTS = 16  # they are named in the manifest, which stays below 4 kB
_LONGEST_KEY_FILE = 256 * 1024
_SSH_KINDS = ("ssh-ed25519", "ssh-rsa")
_KEY_BEGINS = ("age1", "ssh-")


class LockedError(ConfigError):
    """What is encrypted cannot be opened: there is no identity, or it is another's."""


@dataclass(frozen=True, kw_only=True)
class Identities:
    """Where the private keys are: in a file, given as text, or both."""

    file: Path | None = None
    text: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return self.file is not None or bool(self.text)

    @property
    def origin(self) -> str:
        """How messages name it."""
        named = [f"{IDENTITY_FILE_SETTING} ({self.file})"] if self.file else []
        return " or ".join([*named, *([IDENTITY_SETTING] if self.text else [])])

    def load(self) -> list[Any]:
        """Return the keys as pyrage takes them.

        Raises: LockedError when there are none, or they cannot be read.
        """
        if not self:
            raise LockedError(
                "no identity is given",
                hint=f"set {IDENTITY_FILE_SETTING} to the file with the private key",
            )
        found = _parse_identities(self.text, IDENTITY_SETTING) if self.text else []
        if self.file is not None:
            origin = f"{IDENTITY_FILE_SETTING} ({self.file})"
            found += _parse_identities(_read_identities(self.file, origin), origin)
        return found


NO_IDENTITIES = Identities()


def identities_of(settings: Settings) -> Identities:
    """Return where the settings say the private keys are; they are read when needed."""
    secret = settings.identity
    return Identities(file=settings.identity_file, text=secret.get_secret_value() if secret else "")


def parse_recipients(text: str | None) -> tuple[str, ...]:
    """Return the recipients that a setting names: keys, or the path of a file with keys.

    Raises: ConfigError when one is none, or the file cannot be read.
    """
    text = (text or "").strip()
    if not text:
        return ()
    if _is_private(text):
        raise _no_recipient(1, text)
    if text.startswith(_KEY_BEGINS):
        text = text.replace(",", "\n")
    else:
        text = _recipients_file(Path(text).expanduser())
    found = tuple(dict.fromkeys(_recipients_in(text)))
    if not found:
        raise ConfigError(f"{RECIPIENTS_SETTING} names no recipient")
    if len(found) > MOST_RECIPIENTS:
        raise ConfigError(f"{RECIPIENTS_SETTING} names more than {MOST_RECIPIENTS} recipients")
    load_recipients(found)
    return found


def describe(recipient: str) -> str:
    """Return how a recipient is named: age's own text, or the fingerprint of an SSH key."""
    kind, _, key = recipient.partition(" ")
    if not key:
        return recipient
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return f"{kind} SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def load_recipients(recipients: tuple[str, ...]) -> list[Any]:
    """Return recipients as pyrage takes them.

    Raises: ConfigError when one is none.
    """
    import pyrage

    loaded = []
    for number, text in enumerate(recipients, 1):
        ssh = text.startswith(_SSH_KINDS)
        try:
            kind = pyrage.ssh.Recipient if ssh else pyrage.x25519.Recipient
            loaded.append(kind.from_str(text))
            describe(text)
        except (pyrage.RecipientError, binascii.Error, ValueError):
            raise _no_recipient(number, text) from None
    return loaded


def _no_recipient(number: int, text: str) -> ConfigError:
    """Return the error for what is no recipient; its text may be a secret."""
    private = ": that is a private key" if _is_private(text) else ""
    return ConfigError(
        f"{RECIPIENTS_SETTING}: recipient {number} is none{private}",
        hint="age1… as `age-keygen` prints it, or a public key ssh-ed25519 or ssh-rsa",
    )


def _is_private(text: str) -> bool:
    return text.upper().startswith(("AGE-SECRET-KEY-", "-----BEGIN"))


def _recipients_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_KEY_FILE).decode("utf-8", "replace")
    except OSError as error:
        raise ConfigError(
            f"{RECIPIENTS_SETTING} names no age1… or ssh-… key, and {path} cannot be read: "
            f"{(error.strerror or str(error)).lower()}"
        ) from error


def _recipients_in(text: str) -> Iterator[str]:
    """Yield the keys; an SSH key's comment is left away, and so are lines that are one."""
    for line in text.splitlines():
        words = [] if line.lstrip().startswith("#") else line.split()
        while words:
            word = words.pop(0)
            if word not in _SSH_KINDS:
                yield word
                continue
            yield f"{word} {words.pop(0) if words else ''}"
            if words and not words[0].startswith(_KEY_BEGINS):
                words.clear()


def _read_identities(path: Path, origin: str) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_KEY_FILE).decode("utf-8", "replace")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LockedError(f"{origin} cannot be read: {reason}") from error


def _parse_identities(text: str, origin: str) -> list[Any]:
    import pyrage

    try:
        if text.lstrip().startswith("-----BEGIN "):
            return [pyrage.ssh.Identity.from_buffer(text.encode())]
        lines = (line.strip() for line in text.splitlines())
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and line[0] != "#"]
    except pyrage.IdentityError as error:
        locked = "decrypted first" in str(error) or text.startswith("age-encryption.org")
        raise LockedError(
            f"{origin}: the identity "
            + ("is protected by a passphrase" if locked else "is no age or SSH private key"),
            hint="a key without a passphrase, in a file that only this user can read",
        ) from error
    if not found:
        raise LockedError(f"{origin} holds no identity")
    return found
