"""The program as a whole: loads the command group that is asked for, and only that one.

Owns the root of the command line; what a command does with its outcome is `edge`'s.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from kulti_ops import options as opts
from kulti_ops.errors import ExitCode
from kulti_ops.menu import COMMANDS, PROGRAM, root_help

_PARSER_ERROR: Any = typer.BadParameter.__bases__[0]  # whatever library the parser is made of


class RootGroup(TyperGroup):
    """The root: loads a command's module when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - the interface
        """Return the names, in the order of the help."""
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        """Load `kulti_ops.commands.<name>`."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"kulti_ops.commands.{cmd_name}")
        loaded = typer.main.get_command(module.app)
        loaded.name = cmd_name
        return loaded

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run the command; for a monitoring system a usage error is no critical finding."""
        try:
            return super().invoke(ctx)
        except _PARSER_ERROR as error:
            error.message = error.message.removeprefix("Value error, ")  # the parser's own noise
            words = " ".join(sys.argv[1:]).replace("=", " ")
            if f"--format {opts.CheckFormat.NAGIOS}" not in words:
                raise
            from kulti_ops.render import nagios

            sys.stdout.write(nagios.unknown_line(f"usage: {error.format_message()}"))
            raise typer.Exit(nagios.UNKNOWN_STATUS) from error

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Write the same first screen that `cli` shows without the parser."""
        sys.stdout.write(root_help())


def make_app() -> typer.Typer:
    """Return the root application."""
    app = typer.Typer(
        cls=RootGroup, name=PROGRAM, pretty_exceptions_enable=False, no_args_is_help=True
    )

    @app.callback()
    def root() -> None:
        """Operations for the Kulti live-video platform."""

    return app


def run_program() -> NoReturn:
    """Parse the command line, run the command, exit."""
    try:
        make_app()(prog_name=PROGRAM)
    except BrokenPipeError:
        from kulti_ops.output import silence_stdout

        silence_stdout()
    sys.exit(ExitCode.OK)
