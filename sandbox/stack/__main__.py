"""`python -m sandbox.stack up|down|build|validate`: what the targets of the Makefile run."""

import sys

from sandbox.stack.cli import main

if __name__ == "__main__":
    sys.exit(main())
