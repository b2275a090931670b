"""The question of encryption: does what the recipients seal open with the identity given here."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from kulti_ops import sealing
from kulti_ops.errors import ConfigError
from kulti_ops.flows.doctor.check import Answer, from_error, ok, skipped
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.config import Settings


def encryption(settings: Settings) -> Answer:
    """Seal a probe to each recipient and open it again, in memory."""
    try:
        recipients = sealing.parse_recipients(settings.encrypt_to)
    except ConfigError as error:
        return from_error(Verdict.CRIT, error)
    identities = sealing.identities_of(settings)
    try:
        if identities:
            identities.load()
    except sealing.LockedError as error:
        return from_error(Verdict.CRIT, error)
    if identities.file is not None and _is_exposed(identities.file):
        return Answer(
            status=Verdict.WARN,
            summary=f"others can read the private key in {identities.file}",
            next=f"chmod 600 {shlex.quote(str(identities.file))}; seal to a new key if it got out",
        )
    if not recipients:
        return skipped(f"{sealing.RECIPIENTS_SETTING} is not set: backups are not encrypted")
    return _proof(recipients, identities)


def _proof(recipients: tuple[str, ...], identities: sealing.Identities) -> Answer:
    named = ", ".join(map(sealing.describe, recipients))
    if not identities:
        return skipped(
            f"backups are encrypted to {named}; no identity here, so nothing was opened",
            then=f"where backups are verified and drilled, set {sealing.IDENTITY_FILE_SETTING}",
        )
    opened = [r for r in recipients if sealing.opens(r, identities)]
    evidence = {"recipients": len(recipients), "opened": len(opened)}
    if opened:
        which = ", ".join(map(sealing.describe, opened))
        return ok(f"what is sealed to {which} opens with {identities.origin}", **evidence)
    return Answer(
        status=Verdict.WARN,
        summary=f"{identities.origin} opens nothing of what is encrypted to {named}",
        next="name its recipient in KULTI_OPS_ENCRYPT_TO, or give the identity of one of them",
        evidence=evidence,
    )


def _is_exposed(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o077)
