"""Show the records of the deployed functions, oldest first, from the local AWS's log groups (`make logs`)."""

import os
import sys
from pathlib import Path

from sandbox.local_aws import function_logs
from sandbox.local_stack import Stack

#: Records shown at the most, the latest ones.
SHOWN = 200


def main() -> int:
    """Return 0, or 1 if no stack is up."""
    try:
        stack = Stack.read(Path(os.environ.get("TOKEN_BROKER_STATE_DIR") or ".local"))
    except FileNotFoundError:
        sys.stderr.write("No local stack is up: run `make up` first.\n")
        return 1
    records = sorted(_records(stack), key=lambda record: record[0])
    for _, group, text in records[-SHOWN:]:
        sys.stdout.write(f"{group.rpartition('-')[2]}  {text}\n")
    return 0


def _records(stack: Stack) -> list[tuple[int, str, str]]:
    logs = stack.client("logs")
    found: list[tuple[int, str, str]] = []
    for group in function_logs.groups(logs):
        name = group["logGroupName"]
        found += [(each["timestamp"], name, each["message"].rstrip()) for each in function_logs.events(logs, name)]
    return found


if __name__ == "__main__":
    sys.exit(main())
