"""Reads of the table fail in each way, and callers get the same with the fast read and without it."""

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from botocore import xform_name

from sandbox.fault_proxy import KINDS, READ_KINDS, FaultProxyClient
from sandbox.fault_proxy.server import running_fault_proxy
from tests.contract.fast_reads.reading import connections_closed
from tests.contract.scripted_server import Seen, answer, serving
from tests.fakes.trust_policies import policy, sessions
from tests.integration.support.captured_output import found
from tests.integration.support.functions import (
    CHICKSX,
    CURRENT,
    FOURTHWALL,
    PROOF_AUTHORIZER,
    SHOP_AUTHORIZER,
    HttpResponse,
)
from tests.integration.support.gateway import opened, proof
from tests.integration.support.in_process_stack import Stack
from token_broker import wiring
from token_broker.aws import session
from token_broker.aws.fast_reads import reads

#: Seconds. A late response comes after the limit of a fast read, and long before botocore's.
LIMIT, LATE = 0.02, 0.12
FOR_GOOD = 1_000_000
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIACANARY93D5",
    "AWS_SECRET_ACCESS_KEY": "secret-canary-93d5",
    "AWS_SESSION_TOKEN": "token-canary-93d5",
}
#: A reason is a code or the name of an exception.
REASON = re.compile(r'"message":"fast_read_failed".*"reason":"([A-Za-z_0-9]+)"')
ANONYMOUS = ["fourthwall/public-token", "shopify/storefront-access-token"]


@dataclass
class Bench:
    """A stack whose functions reach its table through the fault proxy. `left` counts the calls by botocore."""

    stack: Stack
    proxy: FaultProxyClient
    patch: pytest.MonkeyPatch
    left: int = 0

    def __post_init__(self) -> None:
        self.gateway = opened(self.stack, policy(anonymous=ANONYMOUS, sessions=sessions()))
        self.proof = proof(self.stack)

    def api(self, function: str) -> HttpResponse:
        return self.stack.cold(function).api(headers={"Cache-Control": None})

    def page(self, function: str) -> HttpResponse:
        self.stack.cold(SHOP_AUTHORIZER)
        self.stack.cold(function)
        return self.gateway.page(function)

    def session(self) -> HttpResponse:
        self.stack.cold(PROOF_AUTHORIZER)
        self.stack.cold(CHICKSX)
        return self.gateway.session(self.proof, "s-1")

    def outcome(self, ask: Callable[["Bench"], HttpResponse], *, fast: bool) -> tuple[int, str | None, str | None]:
        """Return the status, the error's code and the token's value."""
        self.patch.setenv("FAST_READS", "true" if fast else "false")
        self.left = 0
        self.stack.workers.clear()
        response = ask(self)
        return response.status, response.body.get("code"), response.body.get("accessToken")

    def failed(self, ask: Callable[["Bench"], HttpResponse], kind: str, *, fast: bool, times: int = FOR_GOOD) -> Any:
        """Return the outcome while reads of the table fail."""
        for operation in ("GetItem", "Query"):
            self.proxy.fault(kind, service="dynamodb", operation=operation, seconds=LATE, times=times)
        with self.patch.context() as patch:
            if kind in ("late", "slow"):
                patch.setattr(reads, "TIME_LIMIT", LIMIT)
            outcome = self.outcome(ask, fast=fast)
        self.proxy.clear_faults()
        return outcome

    def log(self) -> str:
        return "\n".join(line for worker in self.stack.workers.values() for line in worker.log)


OPERATIONS: Mapping[str, Callable[[Bench], HttpResponse]] = {
    "shopify": lambda bench: bench.api(CURRENT),
    "chicksx": lambda bench: bench.api(CHICKSX),
    "page": lambda bench: bench.page(FOURTHWALL),
    "session": lambda bench: bench.session(),
}


@pytest.fixture
def bench(stack: Stack, aws: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    def table(seen: Seen, connection: socket.socket) -> bool:
        """Respond as DynamoDB does, by moto."""
        operation = xform_name(seen.headers["x-amz-target"].rpartition(".")[2])
        response = getattr(aws["dynamodb"], operation)(**json.loads(seen.body))
        connection.sendall(answer(json.dumps({**response, "ResponseMetadata": None}).encode()))
        return True

    monkeypatch.setattr(reads, "TIME_LIMIT", 20.0)  # on a busy machine
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # between its tries
    with serving(table) as dynamodb, running_fault_proxy() as addresses, connections_closed(monkeypatch):
        proxy = FaultProxyClient(addresses.control)
        proxy.set_upstream(dynamodb.origin)
        for name in reads.LEFT_TO_BOTOCORE:
            monkeypatch.delenv(name, raising=False)
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_DYNAMODB": addresses.url}.items():
            monkeypatch.setenv(name, value)
        bench = Bench(stack, proxy, monkeypatch)
        client = session.client.__wrapped__("dynamodb")

        def client_of(service: str) -> Any:
            if service != "dynamodb":
                return aws[service]
            bench.left += 1
            return client

        monkeypatch.setattr(wiring, "client", client_of)
        yield bench
        client.close()


@pytest.fixture
def tokens(bench: Bench) -> Mapping[str, str | None]:
    """Create each operation's token, and return their values. No read has failed."""
    created = {name: bench.outcome(ask, fast=False) for name, ask in OPERATIONS.items()}
    assert {status for status, _, _ in created.values()} <= {200, 201}
    for name, ask in OPERATIONS.items():
        assert bench.outcome(ask, fast=True) == (200, None, created[name][2])
        assert (name, bench.left, REASON.findall(bench.log())) == (name, 0, [])
    return {name: value for name, (_, _, value) in created.items()}


def test_a_caller_gets_the_same_with_the_fast_read(bench: Bench, tokens: Mapping[str, str]) -> None:
    """If the table stays so, the outcome is botocore's. If a read fails once, botocore's own read serves it."""
    secret = {*CREDENTIALS.values(), *tokens.values()}
    for kind, name in product((*KINDS, *READ_KINDS), OPERATIONS):
        ask = OPERATIONS[name]
        without = bench.failed(ask, kind, fast=False)
        assert (kind, without[2]) == (kind, tokens[name] if kind in ("late", "slow") else None)
        assert (kind, name, bench.failed(ask, kind, fast=True)) == (kind, name, without)
        once = bench.failed(ask, kind, fast=True, times=1)
        assert (kind, name, once) == (kind, name, (200, None, tokens[name]))
        reasons = REASON.findall(bench.log())
        assert 1 <= len(reasons) <= len(bench.stack.workers), "each process reports one failure"
        assert found(secret, bench.log()) == []
