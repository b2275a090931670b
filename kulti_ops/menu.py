"""The first screen: the program's name, its command groups, and what each is for.

Text only, without the command-line parser; a group's module is `kulti_ops.commands.<name>`.
"""

from __future__ import annotations

PROGRAM = "kulti-ops"

# heading -> name -> one line of help, in the order of the first screen
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
        "runbook": "read-only diagnostics, and triage: what is wrong, worst first",
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
