"""The generated reference: in step with the code, complete, and without anything secret."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from kulti_ops import config
from kulti_ops.menu import COMMANDS, root_help
from kulti_ops.program import make_app

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / ".env.example"
SETTINGS = REPOSITORY / "docs" / "reference" / "settings.md"
COMMANDS_PAGE = REPOSITORY / "docs" / "reference" / "commands.md"
EXAMPLE_LINE = re.compile(r"^#([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)


def example_values() -> dict[str, str]:
    return dict(EXAMPLE_LINE.findall(EXAMPLE.read_text(encoding="utf-8")))


def all_commands() -> Iterator[tuple[str, Any]]:
    """Yield every command that does something: its words, and the parser's object."""
    root: Any = typer.main.get_command(make_app())
    waiting = [(name, root.get_command(None, name)) for name in root.list_commands(None)]
    while waiting:
        words, command = waiting.pop(0)
        if hasattr(command, "commands"):
            waiting += [(f"{words} {name}", child) for name, child in command.commands.items()]
        else:
            yield words, command


def test_reference_pages_are_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "tools/reference.py", "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_env_example_has_every_setting_and_no_other() -> None:
    assert set(example_values()) == set(config.variable_names().values())


def test_env_example_shows_the_defaults() -> None:
    shown = example_values()
    for setting in config.describe():
        assert setting.default is None or shown[setting.variable] == setting.default


def test_env_example_uncommented_can_be_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in config.variable_names().values():
        monkeypatch.delenv(variable, raising=False)
    text = EXAMPLE_LINE.sub(r"\1=\2", EXAMPLE.read_text(encoding="utf-8"))
    (tmp_path / "all.env").write_text(text, encoding="utf-8")
    loaded = config.load_settings(env_file=tmp_path / "all.env")
    assert loaded.model_fields_set == set(config.variable_names())
    assert config.unknown_names(env_file=tmp_path / "all.env", environ={}) == ()


def test_env_example_sets_nothing_as_it_is() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_settings_page_has_every_setting_with_its_default() -> None:
    page = SETTINGS.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_0-9]+)` \| (.*?) \|", page, flags=re.MULTILINE))
    assert set(rows) == set(config.variable_names().values())
    for setting in config.describe():
        assert rows[setting.variable].strip("` ") == (setting.default or "")


def test_settings_are_all_described_and_grouped() -> None:
    for setting in config.describe():
        assert setting.description.endswith("."), setting.variable
        assert setting.group, setting.variable
        assert setting.example, setting.variable


@pytest.mark.parametrize(("words", "command"), list(all_commands()), ids=lambda v: str(v)[:40])
def test_command_is_documented_with_help_example_and_exit_codes(words: str, command: Any) -> None:
    summary, _, rest = command.help.partition("Examples:")
    examples, _, exits = rest.partition("Exit codes:")
    assert summary.strip().splitlines()[0].endswith((".", ":")), "one sentence first"
    assert f"kulti-ops {words}" in examples
    assert re.search(r"\b0 (done|ok)", exits)
    assert f"\n### kulti-ops {words}\n" in COMMANDS_PAGE.read_text(encoding="utf-8")
    names = {name for parameter in command.params for name in parameter.opts}
    assert {"--format", "--output", "--quiet", "--env-file", "--debug"} <= names
    undescribed = [p.name for p in command.params if p.name != "help" and not p.help]
    assert undescribed == []


def test_commands_page_documents_no_command_that_is_gone() -> None:
    page = COMMANDS_PAGE.read_text(encoding="utf-8")
    documented = set(re.findall(r"^### kulti-ops (.+)$", page, flags=re.MULTILINE))
    assert documented == {words for words, _ in all_commands()}


def test_examples_of_every_command_name_options_that_exist() -> None:
    for words, command in all_commands():
        examples = command.help.partition("Examples:")[2].partition("Exit codes:")[0]
        known = {n for p in command.params for n in (*p.opts, *p.secondary_opts)}
        for line in examples.splitlines():
            if f"kulti-ops {words}" in line.rpartition("$(")[0] or "$(" not in line:
                used = set(re.findall(r"(?<!\S)--[a-z-]+", line.partition(f"kulti-ops {words}")[2]))
                assert used <= known, line


def test_root_help_fits_a_terminal_of_80_columns() -> None:
    assert [line for line in root_help().splitlines() if len(line) > 80] == []


def test_root_help_names_every_group_and_says_what_it_is_for() -> None:
    shown = root_help()
    for title, group in COMMANDS.items():
        assert f"\n{title}:\n" in shown
        for name, text in group.items():
            assert re.search(rf"^  {name} +{re.escape(text)}$", shown, flags=re.MULTILINE)
