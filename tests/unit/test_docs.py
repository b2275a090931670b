"""The documentation, held to the code where it can be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kulti_ops import errors
from kulti_ops.report import SCHEMA_VERSION, Verdict

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])
REFERENCE = REPOSITORY / "docs" / "reference"


def table_cells(text: str, column: int) -> set[str]:
    """Return the words in one column of every table of a page."""
    rows = re.findall(r"^\|(.*)\|$", text, flags=re.MULTILINE)
    cells = [row.split("|")[column] for row in rows if row.count("|") >= column]
    return {word for cell in cells for word in re.findall(r"[\w-]+", cell)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_docs_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("page", [REPOSITORY / "README.md", REFERENCE / "exit-codes.md"])
def test_docs_exit_codes_are_those_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    listed = {int(word) for word in table_cells(text, 0) if word.isdigit()}
    assert listed == set(errors.ExitCode)


def test_docs_error_kinds_are_those_of_the_code() -> None:
    text = (REFERENCE / "output.md").read_text(encoding="utf-8").partition("`error.kind`")[2]
    kinds = dict(re.findall(r"^\| (`.+`) \| (\d+) \|$", text, flags=re.MULTILINE))
    listed = {kind: int(code) for row, code in kinds.items() for kind in re.findall(r"[\w-]+", row)}
    raised = [e for e in vars(errors).values() if isinstance(e, type)]
    expected = {e.kind: int(e.exit_code) for e in raised if issubclass(e, errors.KultiError)}
    edge = {"interrupted": 130, "terminated": 143, "bug": 1}
    assert listed == expected | edge


def test_docs_verdicts_are_those_of_the_code() -> None:
    text = (REFERENCE / "output.md").read_text(encoding="utf-8")
    section = text.partition("## Verdicts")[2].partition("##")[0]
    assert table_cells(section, 0) - {"verdict", "---"} == set(Verdict)
    assert f'"schema_version": {SCHEMA_VERSION}' in text


def test_docs_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [REPOSITORY / "docs" / "index.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
            waiting += [page.parent / link for link in links]
    assert {page.resolve() for page in PAGES if "docs" in page.parts} - reached == set()


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = r"^make test\b"
    for file in ("README.md", ".ci/run"):
        text = (REPOSITORY / file).read_text(encoding="utf-8")
        assert re.search(command, text, flags=re.MULTILINE), file
