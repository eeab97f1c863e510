"""Define the paths. Every path is absolute."""

from pathlib import Path

from sandbox.stack.build import THIS_MACHINE

PROJECT = Path(__file__).resolve().parents[1]
#: What `python -m sandbox.stack build-here` leaves: for this machine, as `make up` deploys it.
BUILD = THIS_MACHINE.folder
EVENTS = PROJECT / "events"
RUNTIME_PYTHON = PROJECT / ".venvs/runtime/bin/python"
BENCH_PACKAGES = PROJECT / ".venvs/bench/lib/python3.13/site-packages"
#: The handlers that ours are compared with, and their copies as they are deployed.
PEERS = Path(__file__).parent / "peers"
PEER_ARTIFACTS = PROJECT / ".local/benchmarks"
INVOCATIONS = Path(__file__).parent / "invocations.py"
#: What the last whole run on a quiet machine found.
RESULTS = Path(__file__).parent / "results"
