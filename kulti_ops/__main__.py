"""`python -m kulti_ops`."""

from kulti_ops.cli import main

main()
