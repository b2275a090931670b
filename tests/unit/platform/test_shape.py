"""The platform's files of SQL."""

from __future__ import annotations

from kulti_ops.platform import shape


def test_scripts_of_a_new_project_come_in_order_with_numbers_of_their_own() -> None:
    numbers = [script.number for script in shape.new_project_scripts()]
    assert numbers == sorted(set(numbers))


def test_scripts_of_a_new_project_hold_the_vendors_and_more() -> None:
    vendor, project = set(shape.vendor_scripts()), set(shape.new_project_scripts())
    assert vendor < project
    assert shape.DATABASE_SCRIPT in {script.name for script in vendor}


def test_extensions_are_all_there_with_their_control_file() -> None:
    files = {path.name for path in shape.EXTENSIONS_DIR.iterdir()}
    assert {name for name in files if name.endswith(".control")} >= {"uuid-ossp.control"}
    for name in files:
        assert f"{name.partition('--')[0].removesuffix('.control')}.control" in files
