"""Damage to a finished backup: never ok, and the finding names what is damaged."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.backup.catalog import State, list_entries, read_entry
from kulti_ops.errors import StorageError
from kulti_ops.pgtools import find_installations
from kulti_ops.report import Verdict
from kulti_ops.storage.local import LocalStorage
from kulti_ops.verify import Level
from kulti_ops.verify.backup import Verification, verify_backup
from tests.functional.faults.stage import REAL_BIN, fake_tools

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.conftest import Database
    from tests.functional.faults.stage import Stage

ARTIFACTS = ("dump.pgc", "globals.sql", "inventory.json", "SHA256SUMS")


def look(stage: Stage, level: Level = Level.CONTENTS) -> Verification:
    """Verify the only backup in this process: quick to do many times."""
    storage = LocalStorage(str(stage.storage))
    entry = read_entry(storage, stage.backup.name)
    assert entry is not None
    assert entry.manifest is not None, entry.problem
    tools = find_installations(REAL_BIN, search_path="")
    return verify_backup(entry.manifest, storage, level=level, installations=tools)


def bad(found: Verification) -> dict[str, str]:
    return {r.id: r.summary for r in found.results if r.status is Verdict.CRIT}


def resign(folder: Path) -> None:
    """Make manifest and SHA256SUMS agree with the artifacts again, as a forger would."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    for artifact in document["artifacts"]:
        if artifact["kind"] != "sums":
            measure(folder, artifact)
    lines = [f"{a['sha256']}  {a['name']}\n" for a in document["artifacts"] if a["kind"] != "sums"]
    (folder / "SHA256SUMS").write_text("".join(lines))
    for artifact in document["artifacts"]:
        measure(folder, artifact)
    path.write_text(json.dumps(signed(document)))


def measure(folder: Path, artifact: dict[str, Any]) -> None:
    data = (folder / artifact["name"]).read_bytes()
    artifact |= {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def signed(document: dict[str, Any]) -> dict[str, Any]:
    content = {k: v for k, v in document.items() if k != "manifest_sha256"}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return {**content, "manifest_sha256": hashlib.sha256(text.encode()).hexdigest()}


def never_believed(stage: Stage) -> str:
    """Run verify, drill and restore as users do; none may end well. Return what verify found."""
    name = stage.backup.name
    verified = stage.json("verify", "backup", name)
    assert verified.code in {10, 5}
    assert verified.document["status"] in {"crit", "unknown"}
    drilled = stage.forked("restore", "drill", name, "--format", "json")
    assert drilled.code in {10, 5}
    restored = stage.forked("restore", "run", name, "--target", "env:DATABASE_URL", "--yes")
    assert restored.code in {5, 6}
    (entry,) = list_entries(LocalStorage(str(stage.storage)))
    assert entry.state in {State.FAILED, State.DAMAGED}
    return verified.findings or verified.line


@pytest.mark.parametrize(
    "share",
    [
        pytest.param(0.40, marks=pytest.mark.fault("dump cut at 40 %")),
        pytest.param(0.60, marks=pytest.mark.fault("dump cut at 60 %")),
        pytest.param(0.98, marks=pytest.mark.fault("dump cut at 98 %")),
        pytest.param(None, marks=pytest.mark.fault("dump cut by one byte")),
    ],
)
def test_dump_cut_is_found_even_when_its_sums_were_made_to_fit(
    damaged: Stage, share: float | None, outcome: Callable[[object], None]
) -> None:
    dump = damaged.backup / "dump.pgc"
    data = dump.read_bytes()
    dump.write_bytes(data[: -1 if share is None else int(len(data) * share)])
    assert {"artifacts"} <= bad(look(damaged)).keys()
    assert {"artifacts"} <= bad(look(damaged, Level.QUICK)).keys()
    resign(damaged.backup)
    found = bad(look(damaged))
    assert "archive" in found
    outcome(f"crit even with right sums: {found['archive']}")


@pytest.mark.fault("dump one byte longer")
@pytest.mark.parametrize("more", [b"\0", b"\1", b"x"])
def test_dump_longer_is_found_even_when_its_sums_were_made_to_fit(
    damaged: Stage, more: bytes, outcome: Callable[[object], None]
) -> None:
    dump = damaged.backup / "dump.pgc"
    dump.write_bytes(dump.read_bytes() + more)
    assert "artifacts" in bad(look(damaged))
    resign(damaged.backup)
    found = bad(look(damaged))
    assert "archive" in found
    outcome(f"crit even with right sums: {found['archive']}")


@pytest.mark.fault("a byte flipped at twenty places over the set")
@pytest.mark.parametrize("level", Level)
def test_flipped_bytes_are_found_wherever_they_are(
    damaged: Stage, level: Level, outcome: Callable[[object], None]
) -> None:
    for name, places in {"dump.pgc": 11, "globals.sql": 3, "inventory.json": 3}.items():
        path = damaged.backup / name
        whole = path.read_bytes()
        for place in range(places):
            data = bytearray(whole)
            data[place * (len(data) - 1) // (places - 1)] ^= 1
            path.write_bytes(data)
            assert name in bad(look(damaged, level))["checksum"]
        path.write_bytes(whole)
    assert bad(look(damaged, level)) == {}
    outcome("crit each time: sha-256 is not what the manifest says")


@pytest.mark.fault("a byte flipped at twenty places over the set")
def test_flipped_bytes_of_sums_and_manifest_are_found(damaged: Stage) -> None:
    sums = damaged.backup / "SHA256SUMS"
    whole = sums.read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 2):
        data = bytearray(whole)
        data[place] ^= 1
        sums.write_bytes(data)
        assert {"checksum", "sums-file"} <= bad(look(damaged)).keys()
    sums.write_bytes(whole)
    manifest = damaged.backup / "manifest.json"
    whole = manifest.read_bytes()
    for place in range(0, len(whole) - 1, 7):
        data = bytearray(whole)
        data[place] ^= 1
        manifest.write_bytes(data)
        (entry,) = list_entries(LocalStorage(str(damaged.storage)))
        assert entry.state is State.DAMAGED or json.loads(data) == json.loads(whole)


@pytest.mark.parametrize("name", ARTIFACTS)
@pytest.mark.parametrize(
    "how",
    [
        pytest.param("missing", marks=pytest.mark.fault("an artifact missing")),
        pytest.param("empty", marks=pytest.mark.fault("an artifact empty")),
        pytest.param("zeroed", marks=pytest.mark.fault("an artifact zeroed")),
        pytest.param("another's", marks=pytest.mark.fault("an artifact of another backup")),
        pytest.param("link", marks=pytest.mark.fault("symlinks in place of artifacts")),
    ],
)
def test_artifact_replaced_is_found(
    damaged: Stage, other: Path, name: str, how: str, outcome: Callable[[object], None]
) -> None:
    path = damaged.backup / name
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "zeroed":
        path.write_bytes(bytes(path.stat().st_size))
    elif how == "another's":
        shutil.copyfile(other / name, path)
        assert path.read_bytes() != (damaged.backup / "manifest.json").read_bytes()
    else:
        kept = path.rename(damaged.root / name)
        path.symlink_to(kept)
    for level in Level:
        found = bad(look(damaged, level))
        assert any(name in summary for summary in found.values()), found
    outcome(f"crit: {next(iter(found.values()))}")


@pytest.fixture(scope="module")
def other(good: Stage, small: Database, session_root: Path) -> Path:
    """Another backup of the same database, of which every artifact differs."""
    from tests.functional.faults.stage import Stage as Make

    assert small.url == good.url
    made = Make.make(session_root / "other", cache=session_root / "cache", url=good.url)
    made.run("backup", "create", "--exclude-table-data", "public.rooms")
    folder = made.backup
    (folder / "globals.sql").write_text((folder / "globals.sql").read_text() + "-- other\n")
    return folder


@pytest.mark.fault("an artifact missing")
def test_artifact_missing_is_never_believed_by_any_command(
    damaged: Stage, outcome: Callable[[object], None]
) -> None:
    (damaged.backup / "inventory.json").unlink()
    outcome(never_believed(damaged))


def edit(document: dict[str, Any]) -> bytes:
    document["totals"]["rows"] += 1
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            edit, "was changed after it was written", marks=pytest.mark.fault("manifest edited")
        ),
        pytest.param(
            lambda d: json.dumps(d).encode()[:-40],
            "the manifest is damaged",
            marks=pytest.mark.fault("manifest cut"),
        ),
        pytest.param(
            lambda _: b"", "the manifest is damaged", marks=pytest.mark.fault("manifest empty")
        ),
        pytest.param(
            lambda _: b"{}", "the manifest is damaged", marks=pytest.mark.fault("manifest {}")
        ),
        pytest.param(
            lambda _: b"[" * 60_000,
            "the manifest is damaged",
            marks=pytest.mark.fault("manifest cut"),
        ),
        pytest.param(
            lambda d: json.dumps(signed({**d, "schema_version": 3})).encode(),
            "manifest of schema 3; this kulti-ops reads up to 2",
            marks=pytest.mark.fault("manifest of a newer schema"),
        ),
        pytest.param(
            lambda d: json.dumps(
                signed({**d, "backup_id": "20200101T000000Z-other-0000"})
            ).encode(),
            "the manifest is that of",
            marks=pytest.mark.fault("manifest edited"),
        ),
        pytest.param(
            lambda d: json.dumps(signed(with_name(d, "../../../etc/passwd"))).encode(),
            "the manifest is damaged",
            marks=pytest.mark.fault(".. in artifact names"),
        ),
        pytest.param(
            lambda d: json.dumps(signed(with_name(d, "/etc/passwd"))).encode(),
            "the manifest is damaged",
            marks=pytest.mark.fault(".. in artifact names"),
        ),
        pytest.param(
            lambda d: json.dumps(signed(with_name(d, ".."))).encode(),
            "the manifest is damaged",
            marks=pytest.mark.fault(".. in artifact names"),
        ),
        pytest.param(
            lambda _: b"\0" * 2000,
            "the manifest is damaged",
            marks=pytest.mark.fault("manifest cut"),
        ),
    ],
)
def test_manifest_damaged_is_shown_and_never_used(
    damaged: Stage,
    change: Callable[[dict[str, Any]], bytes],
    says: str,
    outcome: Callable[[object], None],
) -> None:
    path = damaged.backup / "manifest.json"
    path.write_bytes(change(json.loads(path.read_text())))
    shown = damaged.forked("backup", "list", "--format", "json")
    assert shown.code == 0
    (row,) = shown.document["data"]["backups"]
    assert row["state"] == "damaged"
    assert says in row["problem"]
    verified = damaged.forked("verify", "backup", damaged.backup.name, "--format", "json")
    assert verified.code == 10
    assert verified.verdicts == {"manifest": "crit"}
    drilled = damaged.forked("restore", "drill", damaged.backup.name, "--format", "json")
    assert drilled.code == 5
    assert says in drilled.line
    assert drilled.document["status"] == "unknown"
    assert damaged.forked("verify", "backup", "--format", "json").code in {5, 10}
    outcome(f"damaged in the list, crit in verify: {row['problem'].partition(': ')[2]}")


def with_name(document: dict[str, Any], name: str) -> dict[str, Any]:
    document["artifacts"][0]["name"] = name
    return document


JUNK = (None, 5, -1, "x", "", [], {}, [1], {"a": 1}, True, 1e400)


@pytest.mark.fault("manifest forged with a right digest")
def test_manifest_forged_in_any_field_is_damaged_or_harmless(damaged: Stage) -> None:
    """A forger can compute the digest: wrong types must not become crashes, nor a false ok."""
    path = damaged.backup / "manifest.json"
    whole = json.loads(path.read_text())
    for field in whole:
        for junk in JUNK:
            path.write_text(json.dumps(signed({**whole, field: junk})))
            usable_or_damaged(damaged)
    for part in ("source", "totals"):
        for field in whole[part]:
            for junk in JUNK:
                path.write_text(json.dumps(signed({**whole, part: {**whole[part], field: junk}})))
                usable_or_damaged(damaged)


def usable_or_damaged(stage: Stage) -> None:
    """List, show and look at a backup whose manifest may be anything."""
    from kulti_ops.commands.backup import _details, _row, _shown_text

    storage = LocalStorage(str(stage.storage))
    (entry,) = list_entries(storage)
    now = datetime.now(UTC)
    _row(entry, now=now)
    if entry.manifest is None:
        return
    _details(entry.manifest)
    _shown_text(entry, entry.manifest, "", now=now)
    try:
        verify_backup(entry.manifest, storage, level=Level.QUICK)
    except StorageError:
        return


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda t: t.replace('"public.rooms":200', '"public.rooms":201'),
            marks=pytest.mark.fault("inventory edited"),
        ),
        pytest.param(lambda t: t[:-100], marks=pytest.mark.fault("inventory cut")),
        pytest.param(lambda _: "", marks=pytest.mark.fault("inventory empty")),
        pytest.param(lambda _: "{}", marks=pytest.mark.fault("inventory {}")),
        pytest.param(lambda _: "[" * 100_000, marks=pytest.mark.fault("inventory cut")),
        pytest.param(
            lambda t: re.sub('"schema_version":[0-9]+', '"schema_version":99', t, count=1),
            marks=pytest.mark.fault("inventory of a newer schema"),
        ),
    ],
)
def test_inventory_damaged_is_found_even_when_its_sums_were_made_to_fit(
    damaged: Stage, change: Callable[[str], str], outcome: Callable[[object], None]
) -> None:
    path = damaged.backup / "inventory.json"
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    assert "inventory.json" in bad(look(damaged))["checksum"]
    resign(damaged.backup)
    done = damaged.forked("verify", "backup", "--format", "json")
    assert done.code in {10, 3}
    assert damaged.forked("restore", "drill", "--format", "json").code in {10, 3}
    outcome(f"crit by its sum; with right sums: {done.findings}")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda t: "0" * 64 + t[64:], marks=pytest.mark.fault("SHA256SUMS edited")),
        pytest.param(lambda t: t[:-70], marks=pytest.mark.fault("SHA256SUMS cut")),
        pytest.param(lambda _: "", marks=pytest.mark.fault("SHA256SUMS empty")),
    ],
)
def test_sums_damaged_are_found(
    damaged: Stage, change: Callable[[str], str], outcome: Callable[[object], None]
) -> None:
    path = damaged.backup / "SHA256SUMS"
    path.write_text(change(path.read_text()))
    for level in Level:
        assert "SHA256SUMS" in bad(look(damaged, level))["checksum"]
    outcome("crit: " + "; ".join(bad(look(damaged)).values()))


@pytest.mark.fault("symlinks in place of artifacts")
@pytest.mark.parametrize("name", ["manifest.json", "records"])
def test_symlink_planted_in_a_backup_is_not_followed_and_stops_no_later_backup(
    damaged: Stage, name: str, outcome: Callable[[object], None]
) -> None:
    path = damaged.backup / name
    outside = damaged.root / "outside"
    outside.mkdir()
    if path.exists():
        path.rename(outside / name)
    path.symlink_to(outside / name if name != "records" else outside)
    before = sorted(p.name for p in outside.iterdir())
    verified = damaged.forked("verify", "backup", damaged.backup.name, "--format", "json")
    assert verified.code in {5, 10}
    assert sorted(p.name for p in outside.iterdir()) == before
    assert damaged.forked("backup", "create").code == 0
    assert len(damaged.folders) == 2
    outcome(verified.findings or verified.line)


@pytest.mark.fault("a critical table is gone whose name is part of another's")
def test_critical_table_gone_is_not_found_in_a_longer_name(
    damaged: Stage, sandbox_copy: Callable[[], Database], outcome: Callable[[object], None]
) -> None:
    shutil.rmtree(damaged.backup)
    damaged.url = sandbox_copy().url
    tools = fake_tools(damaged.root / "tools", pg_dump=WITHOUT_SESSIONS)
    created = damaged.run("backup", "create", KULTI_OPS_PG_BIN_DIR=str(tools))
    assert created.code == 0, created.err
    done = damaged.json("verify", "backup")
    assert done.code == 10
    assert done.verdicts["critical-tables"] == "crit"
    assert done.verdicts["tables"] == "crit"
    rows = next(r["rows"] for r in done.document["results"] if r["id"] == "tables")
    assert rows == [{"name": "public.sessions"}]
    outcome(done.findings)


WITHOUT_SESSIONS = """
import os, sys
more = ["-T", "public.sessions"] if any(a.startswith("--snapshot") for a in sys.argv) else []
os.execv(REAL, [REAL, *sys.argv[1:], *more])
"""
