"""Encrypted backups: the whole path, nothing in plaintext on disk, never ok without a look."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage
import pytest

from kulti_ops.pgtools import embedded_bin_dir
from tests.functional.restore.conftest import CommandLine, command_line, execute

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.sandbox.lifecycle import SandboxInfo
    from tests.functional.conftest import Database

# Every dump, inventory or list of roles of the sandbox holds at least one of these.
CANARIES = (b"PGDMP", b"credit_transactions", b"CREATE ROLE", b"supabase_auth_admin")
AGE_TIMEOUT_S = 120


def canaries_below(*folders: Path) -> dict[str, set[bytes]]:
    """Return the files that hold plaintext, hidden and unfinished ones included."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                data = path.read_bytes()
            except (FileNotFoundError, IsADirectoryError):
                continue  # vanished between looking and reading
            if held := {c for c in CANARIES if c in data}:
                found[path.name] = held
    return found


@pytest.fixture(scope="module")
def key(session_root: Path) -> Path:
    """The file with the private key."""
    path = session_root / "key.txt"
    identity = pyrage.x25519.Identity.generate()
    path.write_text(f"# public key: {identity.to_public()}\n{identity}\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def recipient(key: Path) -> str:
    return key.read_text().splitlines()[0].removeprefix("# public key: ")


@pytest.fixture(scope="module")
def sealed(session_root: Path, sandbox: SandboxInfo, recipient: str) -> CommandLine:
    """kulti-ops that encrypts, without an identity, with one backup of the sandbox.

    While it was made, storage and temporary folder were searched again and again.
    """
    temporary = session_root / "sealed-tmp"
    temporary.mkdir()
    spare = str(pyrage.x25519.Identity.generate().to_public())
    kulti = command_line(
        session_root / "sealed",
        session_root / "cache",
        DATABASE_URL=sandbox.database_url,
        KULTI_OPS_ENCRYPT_TO=f"{recipient}, {spare}",
        KULTI_OPS_SCRATCH_DIR=str(session_root / "sealed-drills"),
        TMPDIR=str(temporary),
    )
    with kulti.start("backup", "create", "--label", "sealed") as child:
        while child.poll() is None:
            assert canaries_below(kulti.home / "backups", temporary) == {}
        assert child.returncode == 0, child.communicate()
    return kulti


@pytest.fixture(scope="module")
def folder(sealed: CommandLine) -> Path:
    """The backup's folder."""
    (found,) = (p for p in (sealed.home / "backups").iterdir() if not p.name.startswith("."))
    return found


@pytest.fixture(scope="session")
def age_bin(session_root: Path) -> Path:
    """The folder with the real `age`: installed, or out of the distribution's package."""
    if found := shutil.which("age"):
        return Path(found).parent
    folder = session_root / "age"
    folder.mkdir()
    try:
        for argv in (("apt-get", "download", "age"), ("dpkg", "-x")):
            package = [str(p) for p in folder.glob("age_*.deb")] if argv[0] == "dpkg" else []
            where = [str(folder)] if package else []
            subprocess.run(
                [*argv, *package, *where],
                cwd=folder,
                timeout=AGE_TIMEOUT_S,
                check=True,
                capture_output=True,
            )
    except (FileNotFoundError, subprocess.SubprocessError):
        pytest.skip("no age program here, and its Debian package cannot be fetched")
    return folder / "usr" / "bin"


def test_encrypted_backup_leaves_no_plaintext_on_disk(
    kulti: CommandLine, sealed: CommandLine, folder: Path, key: Path
) -> None:
    plain = canaries_below(kulti.home / "backups")
    assert {"dump.pgc", "globals.sql", "inventory.json"} <= plain.keys()  # it would be noticed
    assert {p.name for p in folder.iterdir() if p.is_file()} == {
        *("dump.pgc.age", "globals.sql.age", "inventory.json.age", "SHA256SUMS", "manifest.json")
    }
    searched = (sealed.home / "backups", Path(sealed.environment["TMPDIR"]))
    assert canaries_below(*searched) == {}
    with sealed.start("verify", "backup", KULTI_OPS_IDENTITY_FILE=str(key)) as child:
        while child.poll() is None:
            assert canaries_below(*searched) == {}
        assert child.returncode == 0, child.communicate()
    for record in (folder / "records").iterdir():
        record.unlink()  # the other tests' backup is not verified yet


def test_encrypted_backup_is_told_so_and_stays_checkable_by_hand(
    sealed: CommandLine, folder: Path, recipient: str
) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    assert document["schema_version"] == 2
    assert recipient in document["recipients"]
    assert (folder / "manifest.json").stat().st_size <= 4096
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, check=True, timeout=60)  # noqa: S607
    shown = sealed("backup", "show")
    assert f"encrypted    to {recipient}" in shown.stdout
    listed = json.loads(sealed("backup", "list", "--format", "json").stdout)
    assert [b["encrypted"] for b in listed["data"]["backups"]] == [True]


def test_encrypted_backup_without_identity_is_quickly_ok_and_never_more(
    sealed: CommandLine, recipient: str
) -> None:
    quick = sealed("verify", "backup", "--level", "quick", "--format", "json")
    assert quick.code == 0, quick.stdout
    contents = sealed("verify", "backup", "--format", "json")
    assert contents.code == 3
    result = contents.result("contents")
    assert result["status"] == "unknown"
    assert recipient in result["summary"]
    assert "KULTI_OPS_IDENTITY_FILE" in result["next"]
    for arguments in (
        ("restore", "drill"),
        ("restore", "plan", "--target", "env:DATABASE_URL"),
        ("restore", "table", "public.profiles", "--target", "env:DATABASE_URL"),
    ):
        done = sealed(*arguments, "--format", "json")
        assert done.code == 4, done.stdout
        assert f"is encrypted to {recipient}" in done.document["error"]["message"]
        assert "KULTI_OPS_IDENTITY_FILE" in done.document["error"]["hint"]


def test_encrypted_backup_with_another_identity_is_unknown_and_not_failed(
    sealed: CommandLine, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    done = sealed("verify", "backup", "--format", "json", KULTI_OPS_IDENTITY_FILE=str(other))
    assert done.code == 3
    assert f"not encrypted to the identity of KULTI_OPS_IDENTITY_FILE ({other})" in done.stdout
    drill = sealed("restore", "drill", "--format", "json", KULTI_OPS_IDENTITY_FILE=str(other))
    assert drill.code == 3
    assert drill.result("restore")["status"] == "unknown"
    listed = json.loads(sealed("backup", "list", "--format", "json").stdout)
    assert listed["data"]["backups"][0]["state"] == "created"


def test_encrypted_backup_with_identity_is_verified_drilled_and_gives_a_table_back(
    sealed: CommandLine, key: Path, sandbox_copy: Callable[[], Database]
) -> None:
    identity = {"KULTI_OPS_IDENTITY": key.read_text().splitlines()[1]}
    verified = sealed("verify", "backup", "--format", "json", **identity)
    assert verified.code == 0, verified.stdout
    drill = sealed("restore", "drill", "--format", "json", **identity)
    assert drill.code == 0, drill.stdout
    assert drill.result("jobs")["status"] == "skipped"
    assert all(t["match"] for t in drill.data["tables"])
    live = sandbox_copy()
    execute(live.url, "DELETE FROM public.credit_transactions")
    arguments = ("public.credit_transactions", "--target", "env:LIVE", "--format", "json")
    table = sealed("restore", "table", *arguments, LIVE=live.url, **identity)
    assert table.code == 0, table.stderr
    assert table.data["missing"] == table.data["rows"] > 1000
    secret = identity["KULTI_OPS_IDENTITY"]
    assert secret not in verified.stdout + drill.stdout + table.stdout


def test_encrypted_backup_is_restored_without_kulti_ops_by_the_commands_shown(
    sealed: CommandLine, folder: Path, key: Path, age_bin: Path, empty_url: str
) -> None:
    shown = json.loads(sealed("backup", "show", "--format", "json").stdout)
    shutil.copy(key, folder / "key.txt")
    try:
        done = subprocess.run(
            ["/bin/bash", "-e", "-c", "\n".join(shown["data"]["restore_commands"])],
            cwd=folder,
            env={
                "PATH": f"{embedded_bin_dir()}:{age_bin}:{os.environ['PATH']}",
                "TARGET": empty_url,
            },
            capture_output=True,
            text=True,
            timeout=AGE_TIMEOUT_S,
            check=False,
        )
    finally:
        (folder / "key.txt").unlink()
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    assert done.stdout.count(": OK") == 3


def test_replace_refuses_a_safety_backup_that_nobody_here_could_open(
    sealed: CommandLine, sandbox_copy: Callable[[], Database]
) -> None:
    live = sandbox_copy()
    arguments = ("--target", "env:LIVE", "--replace", "--confirm", live.name)
    done = sealed("restore", "run", *arguments, LIVE=live.admin_url)
    assert done.code == 6
    assert "which no identity given here opens" in done.stderr
