"""The entry point: answers `--version` and the root `--help`, or runs the program.

Those two need no command-line parser: an engineer who mistypes must not wait.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys

from kulti_ops import __version__
from kulti_ops.menu import PROGRAM, root_help

# Net new containers: `backup create` to S3 has 150,000 once everything is imported (measured).
CYCLES_LOOKED_FOR_AFTER = 200_000


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
        # a fifth of starting up went into looking for cycles among what is imported to stay,
        # and as much of a short run into doing so once more before the end
        atexit.register(gc.freeze)
        gc.set_threshold(CYCLES_LOOKED_FOR_AFTER, *gc.get_threshold()[1:])
        from kulti_ops.program import run_program

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
