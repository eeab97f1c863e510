"""Run `python -m sandbox.stack up|down|build|build-here|validate`, as the targets of the Makefile do."""

import sys

from sandbox.stack.cli import main

if __name__ == "__main__":
    sys.exit(main())
