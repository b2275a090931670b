"""What somebody is told to type next: it exists, and it can be typed as it stands."""

from __future__ import annotations

import itertools
import re
import shlex
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.core import TyperGroup

from kulti_ops.program import make_app
from kulti_ops.runbook import connection
from kulti_ops.runbook.library import load_library
from kulti_ops.sandbox.faults import SCENARIOS
from tests.functional.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# an inline command, or a line of a block; with what may stand before it
_INLINE = re.compile(r"`(kulti-ops [^`]+)`")
_LINE = re.compile(r"^(?: *)(?:\$ )?((?:[A-Z_]+=\S+ )*kulti-ops .*)$", re.MULTILINE)
# `NAME`, like what stands in brackets, is for the reader to replace
_NOT_TYPED = ("--help", "--version", " NAME")
_BLOCK = re.compile(r"^( *)```(?:sh|console|bash)?\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def context_of(argv: list[str]) -> Any:
    """Parse a command as the program does, and run nothing."""
    group: Any = typer.main.get_command(make_app())
    context = group.make_context("kulti-ops", list(argv))
    while isinstance(context.command, TyperGroup):
        name, command, rest = context.command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        assert command is not None
        context = command.make_context(name, rest, parent=context)
    return context


def test_commands_that_do_not_exist_are_not_accepted() -> None:
    for wrong in ("nonsense", "runbook nonsense", "runbook check --nonsense", "backup create more"):
        with pytest.raises((typer.BadParameter.__bases__[0], typer.Exit)):  # type: ignore[arg-type]
            context_of(wrong.split())


def first_of(line: str) -> list[str]:
    """Return the words of a line's first command: up to a pipe, a redirection, a comment."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(itertools.takewhile(lambda word: not set(word) <= set("|&;<>"), lexer))
    return list(itertools.dropwhile(lambda word: re.match(r"[A-Z_]+=", word), words))


def accept(command: str) -> None:
    """Fail unless the command could be typed: psql with one statement, or one of ours."""
    argv = first_of(command)
    if argv[0] == "psql":
        assert [argv[1], argv[2], len(argv)] == ["$DATABASE_URL", "-c", 4]
        return
    assert argv[0] == "kulti-ops"
    context = context_of(argv[1:])
    if context.command_path.startswith("kulti-ops runbook"):
        given = context.params.get("names") or [context.params.get("name")]
        assert set(given) - {None} <= {d.id for d in load_library()}


@pytest.mark.parametrize("diagnostic", load_library(), ids=lambda d: d.id)
def test_next_of_a_diagnostic_can_be_typed(diagnostic: Any) -> None:
    fields = {f for _, f, _, _ in Formatter().parse(diagnostic.next) if f}
    accept(diagnostic.next.format(**dict.fromkeys(fields, "x")))


@pytest.mark.parametrize(
    "command",
    [*connection._NEXT.values(), connection._DEFAULT_NEXT, connection._STANDBY_NEXT]
    + [scenario.look for scenario in SCENARIOS.values() if scenario.look.startswith("kulti-ops")],
)
def test_next_of_a_connection_or_scenario_can_be_typed(command: str) -> None:
    accept(command)


def shown() -> Iterator[tuple[str, str]]:
    """Yield every command of ours that a page shows: the page's name and the command."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found = [" ".join(inline.split()) for inline in _INLINE.findall(text)]
        for _, block in _BLOCK.findall(text):
            found += _LINE.findall(block.replace("\\\n", " "))
        for command in found:
            if "[" not in command and not command.endswith(_NOT_TYPED):
                yield str(page.relative_to(ROOT)), command


@pytest.mark.parametrize(("page", "command"), list(dict.fromkeys(shown())))
def test_command_of_the_documentation_can_be_typed(page: str, command: str) -> None:  # noqa: ARG001 - the page is for who reads the failure
    accept(command)
