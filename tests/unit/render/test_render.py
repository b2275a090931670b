"""Every format of one report, character by character, and what its rules are for."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.options import CheckFormat, Format
from kulti_ops.render import FORMATS, render
from kulti_ops.report import CheckResult, ErrorInfo, Outcome, Report, Verdict

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CHECKS = (
    CheckResult(id="tools", status=Verdict.OK, summary="17.10 fits", next="not shown"),
    CheckResult(
        id="storage",
        status=Verdict.CRIT,
        summary="full",
        evidence={"free_bytes": 3},
        next="free space",
        duration_s=0.25,
    ),
    CheckResult(id="sentry", status=Verdict.SKIPPED, summary="not set"),
)


def report(outcome: Outcome, *, checks: bool = False, error: ErrorInfo | None = None) -> Report:
    return Report(
        command="verify backup",
        started_at=NOW,
        duration_s=1.25,
        outcome=outcome,
        checks=checks,
        error=error,
    )


CHECKED = report(Outcome(results=CHECKS, data={"backup_id": "b1"}), checks=True)
LISTED = report(
    Outcome(
        data={"storage": "/x"},
        table=({"backup": "b1", "size": 3, "good": True}, {"backup": "b2", "note": "n|o\nway"}),
    )
)
FAILED = report(Outcome(), error=ErrorInfo(kind="storage", message="it broke", hint="mend it"))


def test_render_formats_are_those_of_the_option() -> None:
    assert set(CheckFormat) == set(FORMATS)
    assert set(FORMATS) - set(Format) == {"junit", "github", "nagios"}


def test_render_of_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="no such format"):
        render(CHECKED, "yaml")


def test_render_table_shows_the_worst_first_with_the_next_step() -> None:
    lines = [line.rstrip() for line in render(CHECKED, "table", width=60).splitlines()]
    assert lines == [
        "crit     storage  full",
        "                  → free space",
        "ok       tools    17.10 fits",
        "skipped  sentry   not set",
        "",
        "verify backup: crit (1 crit, 1 ok, 1 skipped) in 1.2 s",
    ]


def test_render_table_folds_many_that_are_skipped_for_one_reason() -> None:
    def skipped(reason: str, *ids: str) -> tuple[CheckResult, ...]:
        return tuple(CheckResult(id=i, status=Verdict.SKIPPED, summary=reason) for i in ids)

    crit = CheckResult(id="home", status=Verdict.CRIT, summary="down")
    found = report(Outcome(results=(*skipped("see home", *"abcd"), crit, *skipped("off", *"xyz"))))
    lines = [line.rstrip() for line in render(found, "table", width=60).splitlines()]
    assert lines[:-2] == [
        "crit     home      down",
        "skipped  x         off",
        "skipped  y         off",
        "skipped  z         off",
        "skipped  4 checks  see home (a, b, c, d)",
    ]
    assert "7 skipped" in lines[-1]


def test_render_table_keeps_a_long_next_command_on_one_line() -> None:
    then = "kulti-ops runbook check " + " ".join(["idle-in-transaction"] * 5)
    crit = CheckResult(id="home", status=Verdict.CRIT, summary="down", next=then)
    lines = render(report(Outcome(results=(crit,))), "table", width=60).splitlines()
    assert f"            → {then}" in lines


def test_render_table_of_findings_names_what_is_well_in_one_row() -> None:
    well = tuple(CheckResult(id=i, status=Verdict.OK, summary="fine") for i in "abcd")
    back = CheckResult(id="e", status=Verdict.OK, summary="[gone] e", evidence={"change": "gone"})
    crit = CheckResult(id="home", status=Verdict.CRIT, summary="down")
    off = CheckResult(id="z", status=Verdict.SKIPPED, summary="off")
    found = report(Outcome(results=(*well, back, off, crit), findings_first=True))
    lines = [line.rstrip() for line in render(found, "table", width=60).splitlines()]
    assert lines[:-2] == [
        "crit     home      down",
        "ok       e         [gone] e",
        "ok       4 checks  a, b, c, d",
        "skipped  z         off",
    ]
    assert "5 ok" in lines[-1]


def test_render_table_of_nothing_but_well_shows_every_row() -> None:
    well = tuple(CheckResult(id=i, status=Verdict.OK, summary="fine") for i in "abcd")
    found = report(Outcome(results=well, findings_first=True))
    assert render(found, "table", width=60).count("fine") == 4


def test_render_table_of_data_has_a_header() -> None:
    lines = [line.rstrip() for line in render(LISTED, "table", width=60).splitlines()]
    assert lines == [
        "backup  size  good  note",
        "b1      3     yes",
        "b2                  n|o",
        " " * 20 + "way",
    ]


def test_render_table_of_an_error_is_empty() -> None:
    assert render(FAILED, "table") == ""


def test_render_table_shows_markup_and_escapes_of_others_as_text() -> None:
    evil = CheckResult(id="x", status=Verdict.WARN, summary="[bold]\x1b[31mred[/bold]", next="n")
    text = render(report(Outcome(results=(evil,)), checks=True), "table")
    assert "[bold]" in text
    assert "\x1b" not in text
    assert "\\x1b" in text


def test_render_table_without_colour_has_no_escape_and_with_it_has() -> None:
    assert "\x1b" not in render(CHECKED, "table")
    assert "\x1b[1;31mcrit" in render(CHECKED, "table", colour=True)


def test_render_json_is_the_contract() -> None:
    assert json.loads(render(CHECKED, "json")) == {
        "schema_version": 1,
        "command": "verify backup",
        "status": "crit",
        "started_at": "2026-11-22T03:00:00.000Z",
        "duration_s": 1.25,
        "results": [
            {
                "id": "tools",
                "status": "ok",
                "summary": "17.10 fits",
                "evidence": {},
                "rows": [],
                "next": "not shown",
                "duration_s": 0.0,
            },
            {
                "id": "storage",
                "status": "crit",
                "summary": "full",
                "evidence": {"free_bytes": 3},
                "rows": [],
                "next": "free space",
                "duration_s": 0.25,
            },
            {
                "id": "sentry",
                "status": "skipped",
                "summary": "not set",
                "evidence": {},
                "rows": [],
                "next": None,
                "duration_s": 0.0,
            },
        ],
        "data": {"backup_id": "b1"},
        "error": None,
    }


def test_render_json_error_has_kind_message_and_hint() -> None:
    document = json.loads(render(FAILED, "json"))
    assert document["error"] == {"kind": "storage", "message": "it broke", "hint": "mend it"}
    assert (document["status"], document["results"]) == (None, [])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(seconds=90), 90.0),
        (Decimal("1.50"), 1.5),
        (Decimal(10**20), 10**20),
        (Decimal("NaN"), "nan"),
        (Decimal("-Infinity"), "-inf"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (PurePosixPath("/x"), "/x"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ((1, (2,)), [1, [2]]),
        (Verdict.OK, "ok"),
        ({1: None}, {"1": None}),
        (b"\xff\x00", "\\xff00"),
    ],
)
def test_render_json_writes_every_kind_of_value(value: Any, shown: Any) -> None:
    text = render(report(Outcome(data={"v": value})), "json")
    assert json.loads(text)["data"]["v"] == shown


CELLS = st.text(st.characters(codec="utf-8"))


@given(st.dictionaries(CELLS, CELLS | st.none() | st.integers(), min_size=1))
def test_render_csv_is_read_back_as_it_was(row: dict[str, Any]) -> None:
    text = render(report(Outcome(table=(row,))), "csv")
    header, values = csv.reader(io.StringIO(text, newline=""))
    assert dict(zip(header, values, strict=True)) == {
        key: "" if value is None else str(value) for key, value in row.items()
    }


def test_render_csv_of_checks() -> None:
    assert render(CHECKED, "csv") == (
        "id,status,summary,next\n"
        "tools,ok,17.10 fits,not shown\n"
        "storage,crit,full,free space\n"
        "sentry,skipped,not set,\n"
    )


def test_render_csv_of_an_error() -> None:
    assert render(FAILED, "csv") == "error,message,hint\nstorage,it broke,mend it\n"


def test_render_markdown_escapes_what_would_end_a_cell() -> None:
    assert render(LISTED, "markdown") == (
        "## verify backup\n"
        "\n"
        "2026-11-22T03:00:00.000Z, 1.2 s\n"
        "\n"
        "| backup   | size   | good   | note        |\n"
        "|----------|--------|--------|-------------|\n"
        "| b1       | 3      | yes    |             |\n"
        "| b2       |        |        | n\\|o<br>way |\n"
    )


def test_render_markdown_of_checks_begins_with_the_status() -> None:
    lines = render(CHECKED, "markdown").splitlines()
    assert lines[2] == "**crit**, 2026-11-22T03:00:00.000Z, 1.2 s"
    assert lines[6].split("|")[1:3] == [" tools   ", " ok       "]


@given(st.lists(st.dictionaries(st.sampled_from("abc"), CELLS, min_size=3), min_size=1))
def test_render_markdown_has_one_line_per_row(rows: list[dict[str, str]]) -> None:
    text = render(report(Outcome(table=tuple(rows))), "markdown")
    assert len(text.rstrip("\n").split("\n")) == 6 + len(rows)


@pytest.mark.parametrize("format_name", FORMATS)
def test_render_of_nothing_is_still_a_report(format_name: str) -> None:
    text = render(report(Outcome(results=()), checks=True), format_name)
    assert text.endswith("\n")
    assert "\n\n\n" not in text
