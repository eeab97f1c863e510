"""Run `python -m sandbox.demo`, as `make demo` does after `make up`."""

import os
import sys
from pathlib import Path

from boto3.dynamodb.types import TypeDeserializer
from rich.console import Console

from sandbox.demo.scenes import DemoFailedError, Scenes
from sandbox.demo.transcript import Transcript
from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient


def main() -> int:
    """Return 0 if every operation succeeded."""
    folder = Path(os.environ.get("TOKEN_BROKER_STATE_DIR") or ".local")
    # A pipe has no width, and the table's columns must not be cut.
    transcript = Transcript(Console() if sys.stdout.isatty() else Console(width=160))
    try:
        stack = Stack.read(folder)
    except FileNotFoundError:
        transcript.say("No local stack is up. Run `make up` first, or `make demo`, which does both.")
        return 1
    if stack.control_url is None:
        transcript.say(
            "This stack uses your own providers, not the simulators. The demo would create real tokens there."
        )
        transcript.say("Unset each variable {PROVIDER}_BASE_URL, then `make down` and `make demo`.")
        return 1
    control = ControlClient(stack.control_url)
    control.forget_requests()
    try:
        Scenes(stack, control, transcript).play()
    except DemoFailedError as failure:
        transcript.say(f"\n[bold red]The demo failed:[/] {failure} See `make logs`.")
        return 1
    transcript.scene("In the table", f"{stack.described['table']}: the values are stored only here, and not shown")
    transcript.table(_items(stack))
    transcript.say(
        f"""
[bold green]Every operation succeeded.[/] Where to look next:
   the API            {stack.api_url}
   this stack         {folder / "stack.json"}   (addresses, names, local credentials)
   call it yourself   docs/how-to/call-from-a-backend.md
   the logs           make logs
   the providers      {stack.control_url}/state   (sandbox/simulators/README.md: inject faults)
   stop and clean up  make down

Open the demo storefront in a browser, and see the three tokens arrive:  [bold]{stack.described["storefrontUrl"]}[/]"""
    )
    return 0


def _items(stack: Stack) -> list[dict[str, object]]:
    from_dynamodb = TypeDeserializer().deserialize
    found = stack.client("dynamodb").scan(TableName=stack.described["table"])["Items"]
    items = [{name: from_dynamodb(value) for name, value in item.items()} for item in found]
    return sorted(items, key=lambda item: (str(item["pk"]), str(item["sk"])))


if __name__ == "__main__":
    sys.exit(main())
