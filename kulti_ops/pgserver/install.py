"""A usable copy of the embedded PostgreSQL in a cache folder.

The wheel may lie where the server's account can't go (root's home, a private
virtual environment), and extra extensions must be added to its files, so the
server always runs from a copy. Owns that copy; starts no server.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kulti_ops import pgtools
from kulti_ops.errors import ConfigError, OperationFailedError
from kulti_ops.pgserver.account import (
    Account,
    check_enterable,
    make_enterable_dir,
    server_account,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SERVER_TOOLS = ("initdb", "postgres")
_EXTENSION_DIR = Path("share/extension")
_TEMP_PREFIX = ".copying-"


def server_installation(
    cache_dir: Path,
    *,
    extra_extensions: Path | None = None,
    account: Account | None = None,
) -> pgtools.Installation:
    """Return an installation whose server the server's account can run.

    Copies the embedded PostgreSQL into `cache_dir` once per version and set of
    `extra_extensions` (a folder of control and SQL files; absent is fine). The copy
    appears complete or not at all, and one that lost files is made again.
    Raises: ConfigError when the wheel is absent or the cache folder can't be used.
    """
    source = _embedded()
    root = source.bin_dir.parent
    wanted = _contents(root, extra_extensions)
    _prepare_cache(cache_dir, account or server_account())
    target = cache_dir / f"postgresql-{source.version}-{_key(wanted, root)}"
    if not _is_complete(target, wanted):
        with _locked(cache_dir):
            if not _is_complete(target, wanted):
                _replace(target, wanted)
    copied = replace(source, bin_dir=target / "bin")
    for name in SERVER_TOOLS:
        copied.tool(name)
    return copied


def _embedded() -> pgtools.Installation:
    for one in pgtools.find_installations(None, search_path=""):
        if one.origin == "embedded":
            return one
    raise ConfigError(
        "the embedded PostgreSQL server is not installed, or does not run on this machine",
        hint="pip install 'kulti-ops[embedded]'",
    )


def _contents(root: Path, extra_extensions: Path | None) -> dict[Path, Path]:
    """Map each file of the copy (relative) to where it comes from."""
    wanted = {
        Path(folder, name).relative_to(root): Path(folder, name)
        for folder, _, names in os.walk(root)
        for name in names
    }
    if extra_extensions is not None and extra_extensions.is_dir():
        for extra in sorted(extra_extensions.iterdir()):
            if extra.suffix in {".control", ".sql"}:
                wanted[_EXTENSION_DIR / extra.name] = extra
    return wanted


def _key(wanted: Mapping[Path, Path], root: Path) -> str:
    """Return a short name for exactly these files: paths, sizes, text of the added ones."""
    digest = hashlib.sha256()
    for relative, source in sorted(wanted.items()):
        digest.update(f"{relative}\0{source.stat().st_size}\0".encode())
        if not source.is_relative_to(root):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _is_complete(target: Path, wanted: Mapping[Path, Path]) -> bool:
    try:
        return all(
            (target / relative).stat().st_size == source.stat().st_size
            for relative, source in wanted.items()
        )
    except (FileNotFoundError, NotADirectoryError):
        return False


def _prepare_cache(cache_dir: Path, account: Account | None) -> None:
    try:
        make_enterable_dir(cache_dir)
        state = cache_dir.stat()
    except OSError as error:
        raise ConfigError(
            f"the cache folder {cache_dir} can't be made: {error.strerror}",
            hint="set KULTI_OPS_CACHE_DIR to a folder that can be written",
        ) from error
    # Programs are run from here: nobody else may be able to put them there.
    if state.st_uid not in {0, os.geteuid()} or state.st_mode & stat.S_IWOTH:
        raise ConfigError(
            f"others can write to the cache folder {cache_dir}",
            hint="set KULTI_OPS_CACHE_DIR to a folder that only you can write",
        )
    check_enterable(cache_dir, account)


@contextmanager
def _locked(cache_dir: Path) -> Iterator[None]:
    """Hold the cache's lock, so that two processes don't copy the same thing."""
    handle = os.open(cache_dir / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for leftover in cache_dir.glob(f"{_TEMP_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield
    finally:
        os.close(handle)


def _replace(target: Path, wanted: Mapping[Path, Path]) -> None:
    """Copy everything beside `target`, then put it in its place by a rename."""
    work = Path(tempfile.mkdtemp(prefix=_TEMP_PREFIX, dir=target.parent))
    try:
        for relative, source in wanted.items():
            _copy_file(source, work / "new" / relative)
        for folder, _, _ in os.walk(work / "new"):
            Path(folder).chmod(0o755)  # whatever the umask says
        if target.exists():
            target.rename(work / "old")
        (work / "new").rename(target)
    except OSError as error:
        raise OperationFailedError(
            f"the embedded PostgreSQL could not be copied to {target}: {error.strerror}",
            hint="free some space there (42 MB are needed) and try again",
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _copy_file(source: Path, copy: Path) -> None:
    """Copy one file, readable (and runnable, if it was) by every account."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, copy)
    runnable = source.stat().st_mode & stat.S_IXUSR
    copy.chmod(0o755 if runnable else 0o644)
