"""The manifest: the small, immutable description of one backup.

Written last, so what has no manifest is not a backup. It carries a digest of its
own text: an edited manifest is recognised, whatever was edited. Later facts are
records beside it (`catalog`), never changes to it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kulti_ops.backup.taking import built
from kulti_ops.clock import compact, iso, parse_iso
from kulti_ops.errors import StorageError
from kulti_ops.message import is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from kulti_ops.db import Target

# An encrypted backup is of schema 2, so that a version that knows no encryption refuses it by
# name; an unencrypted one is still of schema 1.
SCHEMA_VERSION = 2
_SCHEMA_PLAIN = 1
FILE_NAME = "manifest.json"
KEY_FILE = "key.txt"  # what the commands shown call the private key's file
SUMS_NAME = "SHA256SUMS"
LIMIT_BYTES = 64 * 1024
_DIGEST_FIELD = "manifest_sha256"
_ID = re.compile(r"\d{8}T\d{6}Z-[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}-[0-9a-z]{4}")
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_DIRECT_HOST = re.compile(r"db\.([a-z0-9]+)\.supabase\.co")
_POOLER_SUFFIX = ".pooler.supabase.com"
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One stored object of a backup: its name in the backup's folder, size, sha-256 (hex).

    The `plain` ones are those of what is in it, None where it is stored as it is.
    """

    name: str
    kind: str
    size_bytes: int
    sha256: str
    plain_size_bytes: int | None = None
    plain_sha256: str | None = None

    @property
    def sealed(self) -> bool:
        """Whether it is stored encrypted."""
        return self.plain_sha256 is not None


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a backup came from; `system_identifier` where the role may read it."""

    host: str
    port: int
    database: str
    user: str
    server_version: str
    server_version_num: int
    system_identifier: str | None = None

    @property
    def identity(self) -> str:
        """The database's name among sources, see `source_identity`."""
        return source_identity(self.host, port=self.port, user=self.user, database=self.database)

    @property
    def server(self) -> str:
        """What tells apart the servers that one name of this machine leads to, as by tunnels.

        Empty for any other name, and where the role may not read the system identifier.
        """
        local = is_loopback_host(self.host) or self.host.startswith("/")
        return (self.system_identifier or "") if local else ""


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What the backup holds, counted at the source under the snapshot."""

    tables: int
    rows: int | None
    large_objects: int
    database_bytes: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One backup.

    `created_at` is this machine's clock; `snapshot_at` the database's: order and age
    go by the latter, so a clock that is set back here changes nothing.
    `left_out` names what the dump does not hold although it is in the database.
    `recipients` are those it is encrypted to, as `sealing.describe` names them.
    """

    backup_id: str
    label: str
    created_at: datetime
    snapshot_at: datetime
    source: Source
    tools: Mapping[str, str]
    compression: str
    artifacts: tuple[Artifact, ...]
    totals: Totals
    durations_s: Mapping[str, float]
    left_out: tuple[str, ...] = ()
    schema_version: int = _SCHEMA_PLAIN
    not_covered: tuple[str, ...] = field(default=())
    recipients: tuple[str, ...] = ()

    def artifact(self, kind: str) -> Artifact:
        """Return the artifact of a kind: dump, globals, inventory, sums.

        Raises: StorageError when the manifest names none.
        """
        for artifact in self.artifacts:
            if artifact.kind == kind:
                return artifact
        raise StorageError(f"{self.backup_id}: its manifest names no {kind}")

    @property
    def size_bytes(self) -> int:
        """The artifacts' sizes together."""
        return sum(a.size_bytes for a in self.artifacts)

    @property
    def dump_major(self) -> int:
        """The major of the pg_dump that wrote the archive: an older pg_restore cannot read it."""
        return int(self.tools.get("pg_dump", "0").split(".")[0])

    def key(self, artifact: Artifact) -> str:
        """Return the artifact's key in the storage."""
        return f"{self.backup_id}/{artifact.name}"


@lru_cache(maxsize=256)  # asked for every backup, mostly of the same few databases
def source_identity(host: str, *, port: int, user: str, database: str) -> str:
    """Return what all backups of one database have in common: host:port/database.

    A hosted project is its reference instead: its direct host and its pooler lead to the same
    database, and one pooler's host to those of many projects.
    """
    if direct := _DIRECT_HOST.fullmatch(host.lower()):
        return f"{direct[1]}/{database}"
    if host.lower().endswith(_POOLER_SUFFIX) and "." in user:
        return f"{user.partition('.')[2]}/{database}"
    return f"{host.lower()}:{port}/{database}"


def source_of(target: Target) -> str:
    """Return the identity that backups of a database carry."""
    return source_identity(
        target.host, port=target.port, user=target.user, database=target.database
    )


def lock_name(source: str) -> str:
    """Return the lock that guards the backups of one source; `source` is its identity."""
    return f"source-{hashlib.sha256(source.encode()).hexdigest()[:16]}"


def schema_of(*, sealed: bool) -> int:
    """Return the schema of a manifest that is written now."""
    return SCHEMA_VERSION if sealed else _SCHEMA_PLAIN


def new_id(now: datetime, label: str, nonce: str) -> str:
    """Return `YYYYMMDDThhmmssZ-<label>-<nonce>`; two in one second differ by the nonce."""
    return f"{compact(now)}-{label}-{nonce}"


def is_id(text: str) -> bool:
    """Return whether `text` has the form of a backup's id."""
    return _ID.fullmatch(text) is not None


def is_label(text: str) -> bool:
    """Return whether `text` can be a label: letters, digits, `_`, `.`, `-`; at most 63."""
    return _LABEL.fullmatch(text) is not None


def to_json(manifest: Manifest) -> bytes:
    """Return the bytes of `manifest.json`, its own digest included."""
    document = {
        **_document(manifest),
        "created_at": iso(manifest.created_at),
        "snapshot_at": iso(manifest.snapshot_at),
        "restore": list(restore_commands(manifest)),
    }
    document[_DIGEST_FIELD] = _digest(document)
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _document(manifest: Manifest) -> dict[str, Any]:
    """Return the fields; those of encryption only where there is some."""
    document = asdict(manifest)
    for artifact in document["artifacts"]:
        if artifact["plain_sha256"] is None:
            del artifact["plain_size_bytes"], artifact["plain_sha256"]
    if not manifest.recipients:
        del document["recipients"]
    return document


def from_json(data: bytes, *, backup_id: str) -> Manifest:
    """Return the manifest in `data`, which was read as `backup_id`'s.

    Raises: StorageError when it is damaged, edited, another backup's, or of a newer schema.
    """
    try:
        document = json.loads(data)
        version = document["schema_version"]
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise StorageError(
                f"{backup_id}: manifest of schema {version}; "
                f"this kulti-ops reads up to {SCHEMA_VERSION}",
                hint="install a newer kulti-ops",
            )
        manifest = _parse(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StorageError(
            f"{backup_id}: the manifest is damaged ({type(error).__name__})"
        ) from error
    if manifest.backup_id != backup_id:
        raise StorageError(f"{backup_id}: the manifest is that of {manifest.backup_id[:80]!r}")
    if document.get(_DIGEST_FIELD) != _digest(document):
        raise StorageError(f"{backup_id}: the manifest was changed after it was written")
    return manifest


def restore_commands(manifest: Manifest) -> tuple[str, ...]:
    """Return the plain commands that restore this backup without kulti-ops."""
    kinds = {a.kind: a for a in manifest.artifacts}
    commands = [f"sha256sum -c {SUMS_NAME}"]
    if manifest.recipients:
        commands.append("set -o pipefail  # or nobody notices that age failed")
    if found := kinds.get("globals"):
        psql = 'psql "$TARGET" --set ON_ERROR_STOP=1 --quiet --file'
        commands.append(f"{_opened(found)}{psql} {'-' if found.sealed else found.name}")
    if found := kinds.get("dump"):
        jobs, name = ("", "") if found.sealed else ("--jobs 2 ", f" {found.name}")
        commands.append(f'{_opened(found)}pg_restore {jobs}--dbname "$TARGET"{name}')
    return tuple(commands)


def _opened(artifact: Artifact) -> str:
    """Return the beginning of a pipe from an encrypted artifact, nothing for another."""
    return f"age -d -i {KEY_FILE} {artifact.name} | " if artifact.sealed else ""


def rows_of(identity: str) -> str:
    """Return how `left_out` names a table whose rows were left out on request."""
    return f"rows of {identity}"


def sums(artifacts: tuple[Artifact, ...]) -> bytes:
    """Return `SHA256SUMS` as `sha256sum -c` reads it."""
    return "".join(f"{a.sha256}  {a.name}\n" for a in artifacts).encode()


def _digest(document: Mapping[str, Any]) -> str:
    content = dict(document)
    content.pop(_DIGEST_FIELD, None)
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()


def _parse(document: Mapping[str, Any]) -> Manifest:
    values = dict(document)
    artifacts = tuple(_artifact(a) for a in values["artifacts"])
    if len({a.name for a in artifacts}) != len(artifacts):
        raise ValueError("an artifact is named twice")
    values |= {
        "artifacts": artifacts,
        "source": built(Source, values["source"]),
        "totals": built(Totals, values["totals"]),
        "created_at": parse_iso(values["created_at"]),
        "snapshot_at": parse_iso(values["snapshot_at"]),
        "tools": _mapping(values["tools"], str),
        "durations_s": _mapping(values["durations_s"], int, float),
        "left_out": _texts(values.get("left_out", [])),
        "not_covered": _texts(values.get("not_covered", [])),
        "recipients": _texts(values.get("recipients", [])),
    }
    sealed = bool(values["recipients"])
    if any((a.plain_sha256 is not None) != (sealed and a.kind != "sums") for a in artifacts):
        raise ValueError("either everything is encrypted or nothing")
    if not is_id(values["backup_id"]):
        raise ValueError("no backup id")
    return built(Manifest, values)


def _artifact(value: Mapping[str, Any]) -> Artifact:
    artifact = built(Artifact, value)
    if not _is_file_name(artifact.name):
        raise ValueError("an artifact's name is no plain file name")
    if not _SHA256.fullmatch(artifact.sha256) or artifact.size_bytes < 0:
        raise ValueError("an artifact's size or digest is none")
    size_bytes, sha256 = artifact.plain_size_bytes, artifact.plain_sha256
    if (sha256 is None) != (size_bytes is None) or (
        sha256 is not None and not _SHA256.fullmatch(sha256)
    ):
        raise ValueError("an artifact's plain size or digest is none")
    return artifact


@lru_cache(maxsize=256)
def _is_file_name(name: str) -> bool:
    """Return whether an artifact may have this name; all backups have the same few."""
    return bool(_LABEL.fullmatch(name)) and name not in {FILE_NAME, "records"}


def _mapping(value: Any, *wanted: type) -> Mapping[str, Any]:  # noqa: ANN401 - of JSON
    if not isinstance(value, dict) or not set(map(type, value.values())).issubset(wanted):
        raise TypeError("not a mapping of the right values")
    return value


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - of JSON
    if not isinstance(value, list) or not set(map(type, value)).issubset({str}):
        raise TypeError("not a list of texts")
    return tuple(value)
