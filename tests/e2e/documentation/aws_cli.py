"""Run `aws SERVICE OPERATION --argument value … [FILE]` by boto3, as far as the pages use AWS CLI 2.

The pages are tried with this, so that nobody needs the CLI and its version decides nothing. The names and types of the
arguments are botocore's.
"""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

#: The CLI's own options, each with one value.
OWN = ("--query", "--output", "--region", "--cli-binary-format")
#: What the CLI calls otherwise than the API.
RENAMED = {"notification-endpoint": "endpoint"}
NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


def main(words: list[str]) -> int:
    own = {word: words[at + 1] for at, word in enumerate(words) if word in OWN}
    rest = [word for at, word in enumerate(words) if word not in OWN and (at == 0 or words[at - 1] not in OWN)]
    make: Any = boto3.client  # its stubs want a literal service name
    client = make(rest.pop(0), region_name=own.get("--region"))
    names = {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
    waiter = client.get_waiter(rest.pop(1).replace("-", "_")) if rest[0] == "wait" else None
    name = waiter.config.operation if waiter else names[rest[0]]
    members = client.meta.service_model.operation_model(name).input_shape.members
    arguments, file = _arguments(rest[1:], {xform_name(member, "-"): member for member in members}, members)
    try:
        if waiter:
            waiter.wait(**arguments)
            return 0
        response = getattr(client, xform_name(name))(**arguments)
    except (BotoCoreError, ClientError) as fault:
        sys.stderr.write(f"{fault}\n")
        return 254
    del response["ResponseMetadata"]
    if file:
        Path(file).write_bytes(response.pop("Payload").read())
    shown = jmespath.search(own["--query"], response) if "--query" in own else response
    if shown != {}:
        print(_text(shown) if own.get("--output") == "text" else json.dumps(shown, indent=4, default=str))  # noqa: T201
    return 0


def _arguments(words: list[str], spelled: dict[str, str], members: Any) -> tuple[dict[str, Any], str | None]:
    """Return the operation's arguments, and the file that `lambda invoke` writes to."""
    found: dict[str, Any] = {}
    while words and words[0].startswith("--"):
        name = words.pop(0)[2:]
        member = spelled[RENAMED.get(name, name)]
        many = members[member].type_name == "list"
        values = []
        while words and not words[0].startswith("--") and (many or not values):
            values.append(words.pop(0))
        found[member] = _value(members[member], values)
    return found, words[0] if words else None


def _value(shape: Any, values: list[str]) -> Any:
    texts = [Path(value[7:]).read_text() if value.startswith("file://") else value for value in values]
    if shape.type_name == "boolean":
        return texts in ([], ["true"])
    if shape.type_name in ("structure", "map", "list") and texts[0].startswith(("{", "[")):
        return json.loads(texts[0])
    if shape.type_name == "list":
        return [_shorthand(text) if shape.member.type_name == "structure" else text for text in texts]
    if shape.type_name in ("structure", "map"):
        return _shorthand(texts[0])
    return NUMBERS.get(shape.type_name, str)(texts[0])


def _shorthand(text: str) -> dict[str, str]:
    """Read `Key=merchant,Value=acme`."""
    return dict(pair.split("=", 1) for pair in text.split(","))


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ("\n" if value and isinstance(value[0], list) else "\t").join(map(_text, value))
    return "\t".join(map(_text, value.values())) if isinstance(value, dict) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
