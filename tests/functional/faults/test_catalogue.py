"""The catalogue of faults is complete: nothing in it is without a test."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.functional.faults.catalogue import FAULTS


def claimed(file: Path) -> set[str]:
    """Return the faults that a file's tests claim: the constant arguments of `fault(…)`."""
    calls = (n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call))
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "fault"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_catalogue_every_fault_has_a_test() -> None:
    found = set().union(*map(claimed, Path(__file__).parent.glob("test_*.py")))
    assert sorted(set(FAULTS) - found) == []


def test_catalogue_names_no_fault_twice() -> None:
    assert len(set(FAULTS)) == len(FAULTS)
