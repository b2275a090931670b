"""`verify freshness` as monitoring calls it: no database answers, and the line tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.catalog import State
from kulti_ops.storage.local import LocalStorage
from tests.functional.cli import document, kulti_ops, statuses
from tests.unit.backup.storing import SOURCE, store

if TYPE_CHECKING:
    from pathlib import Path

# A database that nobody listens for: the answer must not need it.
URL = "postgresql://postgres:secret@db.kulti.example:5432/postgres"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"DATABASE_URL": URL, "KULTI_OPS_STORAGE": str(tmp_path / "backups")}


def fill(env: dict[str, str], *ages_h: float, state: State = State.VERIFIED) -> None:
    storage = LocalStorage(env["KULTI_OPS_STORAGE"])
    storage.prepare()
    for number, age_h in enumerate(ages_h):
        store(storage, datetime.now(UTC) - timedelta(hours=age_h), state, number)


def test_freshness_without_a_backup_is_critical_to_everybody(
    tmp_path: Path, env: dict[str, str]
) -> None:
    assert kulti_ops("verify", "freshness", folder=tmp_path, env=env).returncode == 10
    plugin = kulti_ops("verify", "freshness", "--format", "nagios", folder=tmp_path, env=env)
    assert plugin.returncode == 2
    assert plugin.stdout.startswith(
        f"KULTI_OPS CRITICAL - verify freshness: age crit: no backup of {SOURCE} was ever verified"
    )
    assert plugin.stderr == ""


def test_freshness_of_a_good_storage_is_one_ok_line_with_figures(
    tmp_path: Path, env: dict[str, str]
) -> None:
    fill(env, 3, 27, 51, 75)
    done = kulti_ops("verify", "freshness", "--format", "nagios", folder=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("KULTI_OPS OK - verify freshness: age ok: the newest verified")
    assert " age.age_s=108" in done.stdout
    assert " size.size_bytes=475B size.compared=3 size.median_bytes=475B" in done.stdout
    found = kulti_ops("verify", "freshness", "--format", "json", folder=tmp_path, env=env)
    assert statuses(found) == {"age": "ok", "newer": "ok", "size": "ok", "artifacts": "ok"}
    assert document(found)["data"]["source"] == SOURCE
    old = kulti_ops("verify", "freshness", "--max-age", "2h", folder=tmp_path, env=env)
    assert old.returncode == 10
    drilled = kulti_ops("verify", "freshness", "--state", "drilled", folder=tmp_path, env=env)
    assert drilled.returncode == 10


def test_freshness_without_a_configured_database_takes_the_only_source(
    tmp_path: Path, env: dict[str, str]
) -> None:
    del env["DATABASE_URL"]
    nothing = kulti_ops("verify", "freshness", folder=tmp_path, env=env)
    assert (nothing.returncode, "--source" in nothing.stderr) == (4, True)
    fill(env, 3)
    assert kulti_ops("verify", "freshness", folder=tmp_path, env=env).returncode == 0
    other = ("verify", "freshness", "--source", "other:5432/postgres")
    assert kulti_ops(*other, folder=tmp_path, env=env).returncode == 10


def test_freshness_of_a_storage_that_cannot_be_read_is_unknown(
    tmp_path: Path, env: dict[str, str]
) -> None:
    (tmp_path / "backups").write_text("a file in place of the folder")
    done = kulti_ops("verify", "freshness", "--format", "json", folder=tmp_path, env=env)
    assert (done.returncode, statuses(done)) == (3, {"age": "unknown"})
    plugin = kulti_ops("verify", "freshness", "--format", "nagios", folder=tmp_path, env=env)
    assert (plugin.returncode, plugin.stdout[:17]) == (3, "KULTI_OPS UNKNOWN")


def test_freshness_of_a_backup_whose_files_are_gone_is_critical(
    tmp_path: Path, env: dict[str, str]
) -> None:
    fill(env, 3)
    (dump,) = (tmp_path / "backups").glob("*/dump.pgc")
    dump.unlink()
    done = kulti_ops("verify", "freshness", "--format", "json", folder=tmp_path, env=env)
    assert (done.returncode, statuses(done)["artifacts"]) == (10, "crit")
