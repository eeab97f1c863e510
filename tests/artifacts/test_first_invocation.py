"""A fresh process of a built function that answers from the table, with what Lambda sets and canned items."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.function_environment import FunctionEnvironments
from benchmarks.paths import RUNTIME_PYTHON
from tests.artifacts.backends import ISSUER
from tests.artifacts.built import LAYER, folder_of
from tests.contract.scripted_server import Seen, answer, serving
from tests.fakes.samples import token
from tests.integration.support import functions
from token_broker.aws.store import records
from token_broker.aws.store.attributes import wrap_all
from token_broker.domain.token import SHOP

SESSION = "session:s-1"
#: They take most of the time that the SDK and the clients of providers need for their start.
HEAVY = ("botocore.client", "botocore.session", "http.client", "email", "requests", "urllib3")
ANSWERED = [
    *((function, entry_point) for function in functions.FOR_STOREFRONTS for entry_point in ("storefront", "api")),
    (functions.SHOP_AUTHORIZER, "authorizer"),
]

#: Imports the function, reports its modules, invokes it, and reports them again.
PROCESS = """
import json, sys
from types import SimpleNamespace
report = open(sys.argv[1], "w")
event = json.load(sys.stdin)
import app
started = sorted(sys.modules)
context = SimpleNamespace(aws_request_id="r-1", function_name="f", get_remaining_time_in_millis=lambda: 25000)
result = app.handler(event, context)
print(json.dumps({"started": started, "invoked": sorted(sys.modules), "result": result}), file=report)
"""


@dataclass(frozen=True)
class Ran:
    """`started` and `invoked` are the loaded modules before and after the first invocation."""

    started: Sequence[str]
    invoked: Sequence[str]
    result: Mapping[str, Any]
    connections: int
    asked: Sequence[str]


def stored(provider: str, seen: Seen) -> Mapping[str, Any]:
    """Return DynamoDB's response to a read: a current token, a session's token, or a trust policy."""
    asked = json.loads(seen.body)
    if "KeyConditionExpression" in asked:
        key, ends = {"pk": asked["ExpressionAttributeValues"][":pk"]}, int(time.time()) + 3600
        made = token("1", provider=provider, merchant="demo", subject=SESSION, expires_at=ends, scope=("wallet.read",))
        return {"Items": [{**key, **wrap_all({"sk": "token#1", **records.token_attributes(made)})}]}
    if asked["Key"]["sk"]["S"] == "policy":
        opened = "fourthwall/public-token", "shopify/storefront-access-token"
        document = {"version": 1, "origins": [ISSUER], "anonymous": opened}
        return {"Item": {**asked["Key"], **wrap_all({"revision": 1, "document": document})}}
    current = records.token_attributes(token(provider=provider, merchant="demo", subject=SHOP))
    shop = {"current": current, "checkedAt": int(time.time()) - 60, "fence": 1}
    return {"Item": {**asked["Key"], **wrap_all(shop)}}


def run(function: str, entry_point: str, report: Path, **variables: str) -> Ran:
    def script(seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(answer(json.dumps(stored(functions.provider_of(function), seen)).encode()))
        return True

    event = functions.sample_event(function, entry_point)
    for headers in ("headers", "multiValueHeaders"):
        event[headers] = {name: value for name, value in event[headers].items() if name.lower() != "cache-control"}
    if function == functions.CHICKSX:
        event["body"] = json.dumps({"sessionId": "session-123abc"})
    if (function, entry_point) == (functions.CHICKSX, "storefront"):
        event["requestContext"]["authorizer"]["expiresAt"] = str(int(time.time()) + 600)
    with serving(script) as server:
        environment = {
            **FunctionEnvironments(server.origin).of(function),
            "PYTHONPATH": os.pathsep.join(map(str, (folder_of(function), LAYER / "python"))),
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }
        command = [str(RUNTIME_PYTHON), "-P", "-c", PROCESS, str(report)]
        ran = subprocess.run(
            command, check=False, input=json.dumps(event), env=environment, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
        asked = [each.headers["x-amz-target"].rpartition(".")[2] for each in server.seen]
        return Ran(**json.loads(report.read_text()), connections=server.connections, asked=asked)


def loaded(modules: Sequence[str], names: Sequence[str]) -> list[str]:
    return [name for name in modules if name in names or name.startswith(tuple(f"{each}." for each in names))]


@pytest.fixture(scope="module", params=ANSWERED, ids=lambda each: f"{each[0]}-{each[1]}")
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    function, entry_point = request.param
    return run(function, entry_point, tmp_path_factory.mktemp("report") / "report.json")


def test_it_answers_with_one_read_over_one_connection(ran: Ran) -> None:
    effect = ran.result.get("policyDocument", {"Statement": [{"Effect": None}]})["Statement"][0]["Effect"]

    assert (ran.result.get("statusCode"), effect) in [(200, None), (None, "Allow")], ran.result
    assert len(ran.asked) == 1
    assert ran.connections == 1


@pytest.mark.parametrize("ran", [each for each in ANSWERED if each[0] != functions.CHICKSX], indirect=True)
def test_it_loads_neither_an_sdk_nor_an_http_client(ran: Ran) -> None:
    """A session's token is most often a new one, so its function loads them while its process starts."""
    assert loaded(ran.invoked, HEAVY) == []


def test_the_first_invocation_loads_nothing_more(ran: Ran) -> None:
    """An invocation has a part of a processor, and the start of a process has a whole one."""
    assert sorted(set(ran.invoked) - set(ran.started)) == []


def test_without_fast_reads_the_answer_is_the_same_and_comes_from_botocore(tmp_path: Path) -> None:
    fast = run(functions.CURRENT, "storefront", tmp_path / "fast")
    plain = run(functions.CURRENT, "storefront", tmp_path / "plain", FAST_READS="false")

    assert json.loads(plain.result["body"])["accessToken"] == json.loads(fast.result["body"])["accessToken"]
    assert plain.asked == fast.asked == ["GetItem"]
    assert "botocore" in plain.invoked
