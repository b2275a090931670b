"""A saved state of the schema to compare with: one file per database in the state folder.

Owns the file and its form; the objects come from the diagnostic `schema-baseline`, whose
query compares with what it is given.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kulti_ops.clock import iso
from kulti_ops.errors import OperationFailedError, UndeterminedError
from kulti_ops.report import Verdict
from kulti_ops.runbook.library import choose, load_library
from kulti_ops.runbook.run import run_checks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from kulti_ops.db import Connection, Target
    from kulti_ops.runbook.run import RunOptions

DIAGNOSTIC = "schema-baseline"
SETTING = "schema_baseline"
SCHEMA_VERSION = 1
_OBJECTS_AT_MOST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What a schema was: a fingerprint per object, and when it was looked at."""

    target: str
    saved_at: str
    objects: Mapping[str, str]


def baseline_path(state: Path, target: Target) -> Path:
    """Return where the baseline of a database is kept."""
    name = re.sub(r"[^a-zA-Z0-9.-]+", "_", f"{target.host}-{target.port}-{target.database}")
    return state / "baselines" / f"{name}.json"


def read_baseline(path: Path) -> Baseline | None:
    """Return the saved baseline; None when there is none.

    Raises: OperationFailedError when the file is damaged or of a newer form.
    """
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OperationFailedError(
            f"the baseline {path} cannot be read", hint="save it again: runbook baseline save"
        ) from error


def _parse(document: dict[str, Any]) -> Baseline:
    if document["schema_version"] != SCHEMA_VERSION:
        raise ValueError("another form")
    return Baseline(
        target=str(document["target"]),
        saved_at=str(document["saved_at"]),
        objects={str(k): str(v) for k, v in document["objects"].items()},
    )


def take_baseline(
    connection: Connection, target: Target, *, options: RunOptions, now: datetime
) -> Baseline:
    """Return the schema as it is.

    Raises: UndeterminedError when it can't be looked at in full, DatabaseError.
    """
    settings = {**options.settings, SETTING: "{}"}  # against nothing, everything is new
    whole = replace(options, limit=_OBJECTS_AT_MOST, settings=settings, accepted=())
    chosen = choose(load_library(), names=(DIAGNOSTIC,))
    (result,) = run_checks(connection, chosen, options=whole).results
    if result.status is Verdict.UNKNOWN or not result.rows:
        raise UndeterminedError(f"the schema {result.summary}", hint="nothing was saved")
    objects = {str(row["object_name"]): str(row["fingerprint"]) for row in result.rows}
    return Baseline(target=target.label, saved_at=iso(now), objects=objects)


def to_text(baseline: Baseline) -> str:
    """Return the file's text."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "target": baseline.target,
        "saved_at": baseline.saved_at,
        "objects": dict(baseline.objects),
    }
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def as_setting(baseline: Baseline | None) -> dict[str, str]:
    """Return what the diagnostic has to be given."""
    if baseline is None:
        return {}
    return {SETTING: json.dumps(dict(baseline.objects), ensure_ascii=False)}
