"""The JSON document: the contract that scripts rely on (docs/reference/output.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from kulti_ops.clock import iso
from kulti_ops.report import SCHEMA_VERSION

if TYPE_CHECKING:
    from kulti_ops.report import CheckResult, Report


def render(report: Report, *, colour: bool, width: int) -> str:  # noqa: ARG001 - one interface
    """Return exactly one JSON document."""
    return json.dumps(document(report), ensure_ascii=False, allow_nan=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return the report as plain JSON values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": report.command,
        "status": report.status,
        "started_at": iso(report.started_at),
        "duration_s": round(report.duration_s, 3),
        "results": [_result(result) for result in report.outcome.results or ()],
        "data": plain(report.outcome.data),
        "error": asdict(report.error) if report.error else None,
    }


def _result(result: CheckResult) -> dict[str, Any]:
    return {
        "id": result.id,
        "status": result.status,
        "summary": result.summary,
        "evidence": plain(result.evidence),
        "rows": plain(result.rows),
        "next": result.next,
        "duration_s": round(result.duration_s, 3),
    }


def plain(value: Any) -> Any:  # noqa: ANN401, PLR0911 - any JSON-like value in, JSON out
    """Return `value` as JSON values: times as ISO text, tuples as lists, NaN as text.

    What is of no kind known here becomes its text.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, datetime):
        return iso(value) if value.tzinfo else value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        whole = value.is_finite() and value == value.to_integral_value()
        return plain(int(value) if whole else float(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return f"\\x{value.hex()}"  # as PostgreSQL writes it
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)
