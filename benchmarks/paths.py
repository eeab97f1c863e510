"""Define the paths. Every path is absolute."""

from pathlib import Path

from sandbox.stack.build import THIS_MACHINE

PROJECT = Path(__file__).resolve().parents[1]
#: What `python -m sandbox.stack build-here` leaves: for this machine, as `make up` deploys it.
BUILD = THIS_MACHINE.folder
EVENTS = PROJECT / "events"
RUNTIME_PYTHON = PROJECT / ".venvs/runtime/bin/python"
BENCH_PACKAGES = PROJECT / ".venvs/bench/lib/python3.13/site-packages"
BASELINE_HANDLER = Path(__file__).parent / "baseline_handler/app.py"
ONE_CLIENT_HANDLER = Path(__file__).parent / "one_client_handler"
#: Copies of the usual handler with its packages.
BASELINE_ARTIFACTS = PROJECT / ".local/benchmarks"
FIRST_RESPONSE = Path(__file__).parent / "first_response.py"
