"""How long kulti-ops takes to answer at all, against a bare Python's start.

    .venv/bin/python benchmarks/startup.py [--pairs N] [--check]

Targets: `--version` <= 4 and `--help` <= 6 times `python -c pass`, with compiled bytecode
(`make demo` and `make test` compile it). With `--check` a missed target is exit code 1.
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path

from timing import interleave, ratio, time_command

TARGETS = {"--version": 4.0, "--help": 6.0}
BARE = "python -c pass"


def main() -> int:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description="start-up of kulti-ops against bare Python")
    parser.add_argument("--pairs", type=int, default=20, help="runs of each command (default 20)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    options = parser.parse_args()

    program = Path(sys.executable).with_name("kulti-ops")
    if not program.exists():
        parser.error(f"no {program}: run `make demo` or `make test` once, then .venv/bin/python")
    argvs = {BARE: [sys.executable, "-c", "pass"]}
    argvs |= {option: [str(program), option] for option in TARGETS}
    series = interleave(
        {name: functools.partial(time_command, argv, timeout_s=30) for name, argv in argvs.items()},
        pairs=options.pairs,
        warmups=2,
    )
    for one in series.values():
        print(one.line())
    ratios = {option: ratio(series[option], series[BARE]) for option in TARGETS}
    for option, target in TARGETS.items():
        print(ratios[option].line(target=target))
    missed = [name for name, target in TARGETS.items() if ratios[name].of_medians > target]
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
