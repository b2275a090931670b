"""Recalling an earlier verification: the same bytes need not be taken apart twice.

A `contents` verification leaves every table's digest in its record. When the
artifacts' sha-256 are still those of the manifest, what was found in them then is
what is in them now. Anything less than that is verified anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops.backup.reading import stored
from kulti_ops.clock import iso
from kulti_ops.digest import TableDigest
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.verify import Level
from kulti_ops.verify.backup import Verification, locked_reason, read_inventory, verify_backup
from kulti_ops.verify.contents import read_toc_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.backup.catalog import Record
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.pgtools import Installation
    from kulti_ops.progress import Progress
    from kulti_ops.sealing import Identities
    from kulti_ops.storage import Storage


def proof_of(verification: Verification, manifest: Manifest) -> dict[str, Any]:
    """Return what a verification's record holds, so that it can be recalled.

    Nothing of an encrypted backup: a record is stored as it is, and the digest of a small
    table would confirm a guess about its rows.
    """
    if manifest.recipients:
        return {"digests": {}}
    return {"digests": {name: [d.rows, d.sha256] for name, d in verification.digests.items()}}


def verify_or_recall(
    manifest: Manifest,
    storage: Storage,
    records: Iterable[Record],
    *,
    installations: tuple[Installation, ...],
    identities: Identities,
    progress: Progress,
) -> Verification:
    """Return a `contents` verification: recalled where the bytes are unchanged, else made now.

    Raises: what `verify_backup` raises.
    """
    earlier = _newest_proof(records)
    if earlier is not None and locked_reason(manifest, storage, identities) is None:
        recalled = _recall(manifest, storage, earlier, identities, progress)
        if recalled is not None:
            return recalled
    return verify_backup(
        manifest,
        storage,
        level=Level.CONTENTS,
        installations=installations,
        identities=identities,
        progress=progress,
    )


def _newest_proof(records: Iterable[Record]) -> Record | None:
    """Return the newest verification when it was of the contents and ok; else None."""
    verifications = [r for r in records if r.kind == "verify" and r.level == Level.CONTENTS]
    if not verifications or verifications[-1].status is not Verdict.OK:
        return None
    return verifications[-1] if verifications[-1].data.get("digests") else None


def _recall(
    manifest: Manifest,
    storage: Storage,
    earlier: Record,
    identities: Identities,
    progress: Progress,
) -> Verification | None:
    """Hash everything anew; None when the earlier proof does not hold any more."""
    quick = verify_backup(manifest, storage, level=Level.QUICK, progress=progress)
    inventory, _problem = read_inventory(manifest, storage, identities)
    if quick.status is not Verdict.OK or inventory is None:
        return None
    with stored(manifest, storage, "dump", identities=identities).open() as stream:
        toc = read_toc_of(stream)
    digests = {
        name: TableDigest(rows=int(rows), sha256=str(sha256))
        for name, (rows, sha256) in earlier.data["digests"].items()
    }
    contents = CheckResult(
        id="contents",
        status=Verdict.OK,
        summary=f"verified at {iso(earlier.at)}; every byte is still the same",
        evidence={"verified_at": iso(earlier.at), "tables": len(digests)},
    )
    return Verification(
        level=Level.CONTENTS,
        results=(*quick.results, contents),
        inventory=inventory,
        toc=toc,
        digests=digests,
    )
