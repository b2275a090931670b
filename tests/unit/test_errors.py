from __future__ import annotations

import pytest

from kulti_ops import errors
from kulti_ops.errors import DatabaseError, ExitCode, KultiError


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("UsageError", 2),
        ("UndeterminedError", 3),
        ("ConfigError", 4),
        ("OperationFailedError", 5),
        ("DatabaseError", 5),
        ("StorageError", 5),
        ("NotFoundError", 5),
        ("RefusedError", 6),
    ],
)
def test_error_kind_has_its_exit_code(name: str, code: int) -> None:
    error = getattr(errors, name)("what failed", hint="what next")
    assert isinstance(error, KultiError)
    assert error.exit_code is ExitCode(code)
    assert (error.message, error.hint, str(error)) == ("what failed", "what next", "what failed")


def test_database_error_keeps_the_sqlstate() -> None:
    assert DatabaseError("x", sqlstate="42501").sqlstate == "42501"
