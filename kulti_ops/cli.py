"""The root command: names every command group and loads only the one that is used.

`--version` and the root `--help` answer from this file alone, without the
command-line parser: an engineer who mistypes must not wait.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

from kulti_ops import __version__

PROGRAM = "kulti-ops"
# Net new containers: `backup create` to S3 has 150,000 once everything is imported (measured).
CYCLES_LOOKED_FOR_AFTER = 200_000

# name -> one line of help; the module is kulti_ops.commands.<name>. Grouped as the help shows them.
COMMANDS: dict[str, dict[str, str]] = {
    "Start here": {
        "demo": "the whole story on an embedded PostgreSQL, no set-up",
        "doctor": "check settings, tools, versions, permissions, services",
    },
    "Backups": {
        "backup": "create, list, keep and prune backups; export data",
        "verify": "prove what a backup holds",
        "restore": "plan and run restores, drill them, bring one table back",
    },
    "Site": {
        "smoke": "is the site well, and whose fault is it if not",
    },
    "Incidents": {
        "runbook": "diagnostics that answer in time, and triage: what is wrong, worst first",
    },
    "Practice": {
        "sandbox": "a local Kulti to practise on: start, break, heal, stop, destroy",
    },
}

EPILOG = """\
Exit codes: 0 done (ok, warn, skipped) · 10 crit · 3 unknown · 4 configuration
5 failed · 6 refused · 2 usage · 1 bug · 130/143 interrupted/terminated

Settings come from the environment, --env-file and .env: see .env.example.
Every command has --help with an example, --format table|json|csv|markdown,
and works without a terminal."""


def root_help() -> str:
    """Return the first screen."""
    lines = [
        f"Usage: {PROGRAM} COMMAND [OPTIONS]",
        "",
        "  Backups that are proven by restoring them, a runbook that runs, smoke tests",
        "  that know whom to blame: operations for the Kulti live-video platform.",
        "",
        "Options:",
        "  --version             show the version",
        "  --help                show this page",
        "  --install-completion  install completion for the current shell",
        "  --show-completion     print it instead, to look at or to install by hand",
    ]
    width = max(len(name) for group in COMMANDS.values() for name in group)
    for title, group in COMMANDS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {name:<{width}}  {text}" for name, text in group.items()]
    return "\n".join([*lines, "", EPILOG]) + "\n"


def main() -> None:
    """Run the program and exit with its code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # until a command has something to clean up, Ctrl-C just ends the program
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        _print(f"{PROGRAM} {__version__}\n")
    elif arguments in (["--help"], ["-h"], ["help"]):
        _print(root_help())
    else:
        # a fifth of starting up went into looking for cycles among what is imported to stay
        gc.set_threshold(CYCLES_LOOKED_FOR_AFTER, *gc.get_threshold()[1:])
        from kulti_ops.edge import run_program

        run_program()


def _print(text: str) -> None:
    """Write to stdout; a reader that is gone already is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
