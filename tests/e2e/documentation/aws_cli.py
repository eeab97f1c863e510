"""Answer `aws SERVICE OPERATION --argument value … [FILE]` by boto3, as far as the pages use AWS CLI 2.

The pages are tried with this, so that nobody needs the CLI and its version decides nothing. The names and types of the
arguments are botocore's. A reader's `aws` is a client of the tests' process, where the SDK is loaded already.
"""

import functools
import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

#: The CLI's own options, each with one value.
OWN = ("--query", "--output", "--region", "--cli-binary-format")
#: What the CLI calls otherwise than the API.
RENAMED = {"notification-endpoint": "endpoint", "task-output": "output"}
NUMBERS = {"integer": int, "long": int, "float": float, "double": float}
#: What a reader's `aws` runs.
CLIENT = """
import json, os, socket, sys
given = sys.stdin.read() if "file:///dev/stdin" in sys.argv else ""
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server, server.makefile("rw") as file:
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    file.write(json.dumps([sys.argv[2:], aws, os.getcwd(), given]) + "\\n")
    file.flush()
    status, output, errors = json.loads(file.readline())
sys.stdout.write(output)
sys.stderr.write(errors)
sys.exit(status)
"""


@contextmanager
def answering() -> Iterator[int]:
    """Answer on the port that it yields."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if asked := self.rfile.readline():  # a killed shell asks nothing
                self.wfile.write(json.dumps(_answer(*json.loads(asked))).encode() + b"\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _answer(words: list[str], variables: Mapping[str, str], folder: str, given: str) -> tuple[int, str, str]:
    """Return the exit status, the output and the errors."""
    own = {word: words[at + 1] for at, word in enumerate(words) if word in OWN}
    rest = [word for at, word in enumerate(words) if word not in OWN and (at == 0 or words[at - 1] not in OWN)]
    client = _client(rest.pop(0), own.get("--region"), **variables)
    names = {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
    waiter = client.get_waiter(rest.pop(1).replace("-", "_")) if rest[0] == "wait" else None
    name = waiter.config.operation if waiter else names[rest[0]]
    try:
        members = client.meta.service_model.operation_model(name).input_shape.members
        arguments, file = _arguments(rest[1:], members, lambda address: _file(address, folder, given))
        response = (waiter.wait if waiter else getattr(client, xform_name(name)))(**arguments) or {}
    except (BotoCoreError, ClientError) as fault:
        return 254, "", f"{fault}\n"
    response.pop("ResponseMetadata", None)
    if file:
        Path(folder, file).write_bytes(response.pop("Payload").read())
    if "FunctionError" in response:  # the CLI calls this a success
        return 255, "", Path(folder, str(file)).read_text()
    shown = jmespath.search(own["--query"], response) if "--query" in own else response
    text = _text(shown) if own.get("--output") == "text" else json.dumps(shown, indent=4, default=str)
    return 0, "" if shown == {} else f"{text}\n", ""


@functools.cache
def _client(service: str, region: str | None, **variables: str) -> Any:
    make: Any = boto3.client  # its stubs want a literal service name
    return make(
        service,
        region_name=region or variables["AWS_DEFAULT_REGION"],
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=variables.get("AWS_SESSION_TOKEN"),
    )


def _file(address: str, folder: str, given: str) -> str:
    path = address.removeprefix("file://")
    return given if path == "/dev/stdin" else Path(folder, path).read_text()


def _arguments(words: list[str], members: Any, read: Any) -> tuple[dict[str, Any], str | None]:
    """Return the operation's arguments, and the file that `lambda invoke` writes to."""
    spelled = {xform_name(member, "-"): member for member in members}
    found: dict[str, Any] = {}
    while words and words[0].startswith("--"):
        name = words.pop(0)[2:]
        member = spelled[RENAMED.get(name, name)]
        many = members[member].type_name == "list"
        values: list[str] = []
        while words and not words[0].startswith("--") and (many or not values):
            word = words.pop(0)
            values.append(read(word) if word.startswith("file://") else word)
        found[member] = _value(members[member], values)
    return found, words[0] if words else None


def _value(shape: Any, texts: list[str]) -> Any:
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
