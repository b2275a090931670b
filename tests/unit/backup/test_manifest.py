"""The manifest: what is written is read back, what was changed is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.publish import NOT_COVERED
from kulti_ops.errors import StorageError

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
ID = "20261122T030000Z-postgres-1a2b"


def make(**changes: Any) -> manifests.Manifest:
    values: dict[str, Any] = {
        "backup_id": ID,
        "label": "postgres",
        "created_at": AT,
        "snapshot_at": AT,
        "source": manifests.Source(
            host="db.kulti.example",
            port=5432,
            database="postgres",
            user="postgres",
            server_version="17.6",
            server_version_num=170006,
        ),
        "tools": {"kulti-ops": "0.1.0", "pg_dump": "17.10"},
        "compression": "zstd:3",
        "artifacts": (
            manifests.Artifact(name="dump.pgc", kind="dump", size_bytes=10, sha256="a" * 64),
            manifests.Artifact(name="SHA256SUMS", kind="sums", size_bytes=5, sha256="b" * 64),
        ),
        "totals": manifests.Totals(tables=2, rows=7, large_objects=0, database_bytes=100),
        "durations_s": {"total": 1.5},
    }
    return manifests.Manifest(**{**values, **changes})


def test_manifest_written_is_read_back_equal() -> None:
    written = make()
    assert manifests.from_json(manifests.to_json(written), backup_id=ID) == written


def test_manifest_names_the_commands_that_restore_without_us() -> None:
    document = json.loads(manifests.to_json(make()))
    assert document["restore"][0] == "sha256sum -c SHA256SUMS"
    assert any("pg_restore" in line for line in document["restore"])


def changed(path: tuple[str | int, ...], value: Any) -> bytes:
    document = json.loads(manifests.to_json(make()))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("created_at",), "2026-11-23T03:00:00.000Z"),
        (("artifacts", 0, "sha256"), "c" * 64),
        (("artifacts", 0, "size_bytes"), 11),
        (("totals", "rows"), 8),
        (("source", "host"), "elsewhere"),
        (("left_out",), ["public.profiles"]),
        (("restore",), ["rm -rf /"]),
        (("manifest_sha256",), "0" * 64),
    ],
)
def test_manifest_edited_anywhere_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    with pytest.raises(StorageError, match="changed after"):
        manifests.from_json(changed(path, value), backup_id=ID)


@pytest.mark.parametrize(
    "name", ["../dump.pgc", "/etc/passwd", "a/b", "..", ".hidden", "manifest.json", "", "records"]
)
def test_manifest_with_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(StorageError, match="damaged"):
        manifests.from_json(changed(("artifacts", 0, "name"), name), backup_id=ID)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"{", b"\xff\xfe", b"1"])
def test_manifest_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(StorageError, match=ID):
        manifests.from_json(data, backup_id=ID)


def resigned(document: dict[str, Any]) -> bytes:
    """Give a document the digest that a later version would have given it."""
    document["manifest_sha256"] = manifests._digest(document)
    return json.dumps(document).encode()


def test_manifest_with_more_in_it_than_is_known_is_read() -> None:
    """A later version of the same schema may say more, and leave out what has a default."""
    document = json.loads(manifests.to_json(make()))
    places = (document, document["source"], document["totals"], document["artifacts"][0])
    for place in places:
        place["added"] = "later"
    del document["left_out"], document["source"]["system_identifier"]
    read = manifests.from_json(resigned(document), backup_id=ID)
    made = make()
    assert read == replace(made, left_out=(), source=replace(made.source, system_identifier=None))
    assert json.loads(manifests.to_json(read))["source"]["system_identifier"] is None
    for value in (read, read.source, read.totals, read.artifacts[0]):
        assert not hasattr(value, "added")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("artifacts", 0, "size_bytes"), "10"),
        (("artifacts", 0, "size_bytes"), True),
        (("artifacts", 0, "size_bytes"), 1.5),
        (("artifacts", 0, "plain_sha256"), ""),
        (("artifacts", 0), ["name", "kind", "size_bytes", "sha256"]),
        (("source", "port"), None),
        (("source",), None),
        (("totals", "rows"), "8"),
        (("label",), 1),
        (("tools", "pg_dump"), 17),
        (("durations_s", "dump"), "3"),
        (("left_out",), [1]),
        (("snapshot_at",), 5),
    ],
)
def test_manifest_whose_values_are_of_another_type_is_damaged(
    path: tuple[str | int, ...], value: Any
) -> None:
    document = json.loads(changed(path, value))
    with pytest.raises(StorageError, match="damaged"):
        manifests.from_json(resigned(document), backup_id=ID)


@pytest.mark.parametrize("path", [("label",), ("source", "host"), ("totals", "tables")])
def test_manifest_without_what_it_must_say_is_damaged(path: tuple[str, ...]) -> None:
    document = place = json.loads(manifests.to_json(make()))
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    with pytest.raises(StorageError, match="damaged"):
        manifests.from_json(resigned(document), backup_id=ID)


def test_manifest_of_a_newer_schema_is_refused_by_name() -> None:
    with pytest.raises(StorageError, match="schema 3; this kulti-ops reads up to 2"):
        manifests.from_json(changed(("schema_version",), 3), backup_id=ID)


def test_manifest_of_an_unencrypted_backup_is_as_older_versions_read_it() -> None:
    document = json.loads(manifests.to_json(make()))
    assert document["schema_version"] == 1
    assert "recipients" not in document
    assert document["artifacts"][0].keys() == {"name", "kind", "size_bytes", "sha256"}


def make_sealed(**changes: Any) -> manifests.Manifest:
    artifacts = tuple(
        manifests.Artifact(
            name=f"{name}.age",
            kind=kind,
            size_bytes=10**13,
            sha256="a" * 64,
            plain_size_bytes=10**13 - 1000,
            plain_sha256="b" * 64,
        )
        for name, kind in (
            ("dump.pgc", "dump"),
            ("globals.sql", "globals"),
            ("inventory.json", "inventory"),
        )
    )
    sums = manifests.Artifact(name="SHA256SUMS", kind="sums", size_bytes=5, sha256="c" * 64)
    recipients = tuple(f"age1{n:058}" for n in range(16))
    sealed: dict[str, Any] = {
        "artifacts": (*artifacts, sums),
        "schema_version": manifests.schema_of(sealed=True),
        "recipients": recipients,
        "not_covered": NOT_COVERED,
    }
    return make(**{**sealed, **changes})


def test_manifest_of_an_encrypted_backup_is_read_back_and_small() -> None:
    written = make_sealed()
    data = manifests.to_json(written)
    assert manifests.from_json(data, backup_id=ID) == written
    assert json.loads(data)["schema_version"] == 2
    assert len(data) <= 4096


def test_manifest_of_an_encrypted_backup_opens_everything_by_age() -> None:
    commands = manifests.restore_commands(make_sealed())
    assert commands[1].startswith("set -o pipefail")
    assert sum(c.startswith("age -d -i key.txt ") for c in commands) == 2
    assert not any("--jobs" in c for c in commands)


@pytest.mark.parametrize(
    "changes",
    [
        {"recipients": ()},
        {"artifacts": make().artifacts},
        {"artifacts": (replace(make_sealed().artifacts[0], plain_size_bytes=None),)},
        {"artifacts": (replace(make_sealed().artifacts[0], plain_sha256="x"),)},
        {"artifacts": (replace(make_sealed().artifacts[0], kind="sums"),)},
    ],
    ids=["no recipients", "plain dump", "half", "digest", "sealed sums"],
)
def test_manifest_that_is_half_encrypted_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(StorageError, match="damaged"):
        manifests.from_json(manifests.to_json(make_sealed(**changes)), backup_id=ID)


def test_manifest_of_another_backup_is_refused() -> None:
    other = "20261122T030001Z-postgres-9z9z"
    with pytest.raises(StorageError, match="is that of"):
        manifests.from_json(manifests.to_json(make()), backup_id=other)


@pytest.mark.parametrize(
    ("label", "good"),
    [
        ("nightly", True),
        ("a.b-c_1", True),
        *((bad, False) for bad in ("", "a/b", "-x", ".x", "ä", "x" * 64, "a b", "a\n")),
    ],
)
def test_label_of_odd_characters_is_none(label: str, good: bool) -> None:  # noqa: FBT001
    assert manifests.is_label(label) is good


def test_ids_of_the_same_second_differ_by_their_nonce() -> None:
    one, other = manifests.new_id(AT, "x", "0a0a"), manifests.new_id(AT, "x", "0b0b")
    assert one != other
    assert manifests.is_id(one)


@pytest.mark.parametrize(
    ("host", "user", "identity"),
    [
        ("DB.Kulti.example", "postgres", "db.kulti.example:5432/postgres"),
        ("db.abcdefghijklmnopqrst.supabase.co", "postgres", "abcdefghijklmnopqrst/postgres"),
        (
            "aws-0-eu-central-1.pooler.supabase.com",
            "postgres.abcdefghijklmnopqrst",
            "abcdefghijklmnopqrst/postgres",
        ),
        ("aws-0-eu-central-1.pooler.supabase.com", "postgres.other", "other/postgres"),
        ("/run/postgresql", "me", "/run/postgresql:5432/postgres"),
    ],
)
def test_source_of_a_hosted_project_is_its_reference_whichever_way_leads_there(
    host: str, user: str, identity: str
) -> None:
    found = manifests.source_identity(host, port=5432, user=user, database="postgres")
    assert found == identity
