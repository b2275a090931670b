"""Write the reference pages that follow from the code: settings, commands, .env.example.

python tools/reference.py          write them
python tools/reference.py --check  exit with 1 when one of them is out of date
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import typer  # noqa: E402 - found below ROOT

from kulti_ops import config, options  # noqa: E402
from kulti_ops.menu import COMMANDS, PROGRAM  # noqa: E402
from kulti_ops.program import make_app  # noqa: E402
from kulti_ops.restore.hosted.rules import RULES, Fate  # noqa: E402
from kulti_ops.runbook.explain import index_of, page_of  # noqa: E402
from kulti_ops.runbook.library import load_library  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "<!-- written by `make docs`: change the code, not what follows -->"
PAGE_WIDTH = 96


def env_example() -> str:
    """Return `.env.example`: every setting, commented out, with its default or an example."""
    lines = [
        "# Settings of kulti-ops: copy this file to .env (chmod 600), or export them.",
        "# The environment wins over --env-file, that over .env in the working directory.",
        "# Lines show the default where there is one, else an example. See",
        "# docs/reference/settings.md; `kulti-ops doctor` reports names that mean nothing.",
    ]
    group = ""
    for setting in config.describe():
        if setting.group != group:
            group = setting.group
            lines += ["", "", f"# --- {group} ---"]
        default = "" if setting.default is None else f" Default: {setting.default}."
        lines += ["", *_comment(f"{setting.description}{default}")]
        lines.append(f"#{setting.variable}={setting.example}")
    return "\n".join(lines) + "\n"


def _comment(text: str) -> Iterator[str]:
    import textwrap

    for line in textwrap.wrap(text, PAGE_WIDTH):
        yield f"# {line}"


def settings_tables() -> str:
    """Return the tables of docs/reference/settings.md."""
    lines: list[str] = []
    group = ""
    for setting in config.describe():
        if setting.group != group:
            group = setting.group
            lines += ["", f"## {group}", "", "| variable | default | meaning |", "|---|---|---|"]
        default = "" if setting.default is None else f"`{setting.default}`"
        secret = " Secret: never shown." if setting.secret else ""
        lines.append(f"| `{setting.variable}` | {default} | {_cell(setting.description)}{secret} |")
    return "\n".join(lines) + "\n"


def command_sections() -> str:
    """Return the sections of docs/reference/commands.md."""
    root: Any = typer.main.get_command(make_app())
    sections = []
    for title, group in COMMANDS.items():
        sections.append(f"\n## {title}\n")
        for name in group:
            for path, command in walk(root.get_command(None, name), (name,)):
                sections.append(_section(path, command))
    return "\n".join(sections)


def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401
    """Yield every command below `command` that does something."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from walk(child, (*path, name))


def _section(path: tuple[str, ...], command: Any) -> str:  # noqa: ANN401
    body, _, rest = (command.help or "").replace("\b\n", "").partition("\nExamples:\n")
    examples, _, exits = rest.partition("\nExit codes:\n")
    own = [p for p in command.params if getattr(p, "rich_help_panel", None) != options.PANEL]
    own = [p for p in own if p.name != "help"]
    arguments = [p for p in own if p.param_type_name == "argument"]
    usage = " ".join([PROGRAM, *path, *(p.metavar or str(p.name).upper() for p in arguments)])
    lines = [f"### {PROGRAM} {' '.join(path)}", "", body.strip(), "", f"Usage: `{usage} [OPTIONS]`"]
    if own:
        lines += ["", "| | default | |", "|---|---|---|"]
        lines += [f"| `{_name(p)}` | {_default(p)} | {_meaning(p)} |" for p in own]
    examples = "\n".join(line.strip() for line in examples.strip().splitlines())
    lines += ["", "```", examples, "```", "", f"Exit codes: {' '.join(exits.split())}", ""]
    return "\n".join(lines)


def _name(parameter: Any) -> str:  # noqa: ANN401
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    flags = "/".join([*parameter.opts, *parameter.secondary_opts])
    if parameter.is_flag:
        return flags
    return f"{flags} {_cell(parameter.metavar or _type_word(parameter))}"


def _type_word(parameter: Any) -> str:  # noqa: ANN401
    kind = parameter.type_descriptor
    if kind.is_choice:
        return "|".join(str(getattr(choice, "value", choice)) for choice in kind.choices)
    word = str(parameter.display_type(typer.Context(typer.main.get_command(make_app()))))
    return word.split(maxsplit=1)[0].strip("<>[]").upper()


def _default(parameter: Any) -> str:  # noqa: ANN401
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    default = parameter.default
    if default is None or default is False or callable(default) or default == ():
        return ""
    if default is True:
        return f"`{parameter.opts[0]}`"
    return f"`{getattr(default, 'value', default)}`"


def _meaning(parameter: Any) -> str:  # noqa: ANN401
    required = parameter.required and parameter.param_type_name == "option"
    return _cell((parameter.help or "") + (" Required." if required else ""))


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def hosted_rules() -> str:
    """Return the tables of docs/reference/hosted-restore.md: every rule, by what it does."""
    titles = {
        Fate.RUN: "Runs",
        Fate.TRY: "Runs if the project allows it",
        Fate.SKIP: "Left out",
        Fate.LOST: "Cannot come back",
    }
    lines: list[str] = []
    for fate, title in titles.items():
        lines += ["", f"## {title} (`{fate}`)", ""]
        lines += [
            "| rule | applies to | why | what follows | residual SQL |",
            "|---|---|---|---|---|",
        ]
        for rule in (r for r in RULES if r.fate is fate):
            cells = (rule.applies_to, rule.reason, rule.follows, "yes" if rule.residual else "")
            lines.append(f"| `{rule.name}` | {' | '.join(map(_cell, cells))} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """Return every generated page as it should be."""
    settings = ROOT / "docs" / "reference" / "settings.md"
    commands = ROOT / "docs" / "reference" / "commands.md"
    hosted = ROOT / "docs" / "reference" / "hosted-restore.md"
    return {
        hosted: _after_mark(hosted, hosted_rules()),
        ROOT / ".env.example": env_example(),
        settings: _after_mark(settings, settings_tables()),
        commands: _after_mark(commands, command_sections()),
        **diagnostic_pages(),
    }


def diagnostic_pages() -> dict[Path, str]:
    """Return the page that lists the diagnostics, and a page for each."""
    library = load_library()
    folder = ROOT / "docs" / "reference"
    each = {folder / "diagnostics" / f"{d.id}.md": page_of(d) for d in library}
    return {folder / "diagnostics.md": index_of(library), **each}


def _after_mark(page: Path, generated: str) -> str:
    written = page.read_text(encoding="utf-8").partition(MARK)[0].rstrip()
    return f"{written}\n\n{MARK}\n{generated.rstrip()}\n"


def main() -> int:
    """Write or check the pages."""
    stale = [
        page
        for page, text in pages().items()
        if not page.exists() or page.read_text(encoding="utf-8") != text
    ]
    for page in stale:
        shown = page.relative_to(ROOT)
        if "--check" in sys.argv[1:]:
            sys.stderr.write(f"{shown} is out of date: make docs\n")
        else:
            page.parent.mkdir(exist_ok=True)
            page.write_text(pages()[page], encoding="utf-8")
            sys.stderr.write(f"wrote {shown}\n")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
