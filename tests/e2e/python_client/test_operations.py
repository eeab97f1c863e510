"""Each operation of the client, over the API and by direct invocation, with and without a lost answer."""

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.python_client.calls import CALLS, Call
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.routes import FIELDS
from tests.e2e.support.token_table import TokenTable
from token_broker_client import TokenBroker, TokenBrokerError
from token_broker_client.deadline import Deadline
from token_broker_client.errors import ConnectionFailed
from token_broker_client.operations import OPERATIONS, Operation
from token_broker_client.transport import Answer, Transport

#: Each operation has a call. A further operation without one fails here.
EVERY_CALL = [pytest.param(name, label, id=f"{name}, {label}") for name in OPERATIONS for label in CALLS[name]]
#: A lost answer is the same to the functions in both ways. So only the long run tries each call in both.
WAYS = ("API", "direct") if os.environ.get("TOKEN_BROKER_LONG") == "1" else ("API",)

every_call = pytest.mark.parametrize(("name", "label"), EVERY_CALL)


@dataclass
class LostAnswer:
    """Pass operations on to a transport, and lose the first answers of those that succeed. `sent` has all names."""

    transport: Transport
    lost: int
    sent: list[str] = field(default_factory=list)

    def send(self, operation: Operation, fields: Mapping[str, Any], deadline: Deadline) -> Answer:
        self.sent.append(operation.name)
        answer = self.transport.send(operation, fields, deadline)
        if len(self.sent) <= self.lost:
            raise ConnectionFailed("The answer was lost.", retryable=True)
        return answer

    def close(self) -> None:
        self.transport.close()


class Outcome(NamedTuple):
    """Hold a call's result and what it left, both without the values that differ from merchant to merchant."""

    result: Any
    left: Any


type Run = Callable[[str, str, str, int], Outcome]


@pytest.fixture(scope="module")
def run(stack: Stack, simulators: ControlClient, merchants: Merchants, table: TokenTable, broker: TokenBroker) -> Run:
    """Return a function that makes a call on a merchant of its own, and loses so many answers."""
    ways: dict[str, Callable[[], Transport]] = {"API": stack.api_transport, "direct": stack.direct_transport}

    @cache
    def outcome(name: str, label: str, way: str, lost: int) -> Outcome:
        call: Call = CALLS[name][label]
        made = merchants.of(call.kind)
        prepared = call.prepare(broker.merchant(made.name), simulators)
        transport = LostAnswer(ways[way](), lost)
        with TokenBroker(transport, attempts=1 + lost) as client:
            result = call.make(client.merchant(made.name), prepared)
        assert transport.sent == [name] * (1 + lost)
        items = [*table.merchant(made.provider, made.name).values(), *table.partition(f"policy#{made.name}").values()]
        items = [{each: item[each] for each in item.keys() - call.counted} for item in items]
        left = [simulators.state()[made.provider][made.name], items]
        return Outcome(general(result, made.name), general(left, made.name))

    return outcome


def general(value: Any, merchant: str) -> Any:
    """Return the value with words for what differs: times, ids, and values of tokens. Counts and states stay."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        return {"": type(value), **general(members, merchant)}
    if isinstance(value, Mapping):
        # In one order, since lists are sorted by their members' text.
        return {str(general(name, merchant)): general(value[name], merchant) for name in sorted(value)}
    if isinstance(value, list | tuple):
        return sorted((general(each, merchant) for each in value), key=repr)
    if isinstance(value, str):
        text = value.replace(merchant, "{merchant}")
        return text if re.fullmatch(r"[A-Za-z_ /{}.:#'-]{1,60}", text) else "text"
    if isinstance(value, float | int | Decimal) and value > 1000:
        return "number"
    return value


@every_call
def test_both_transports_give_the_same_result(run: Run, name: str, label: str) -> None:
    assert run(name, label, "API", 0).result == run(name, label, "direct", 0).result


@pytest.mark.parametrize("way", WAYS)
@every_call
def test_a_lost_answer_changes_nothing(run: Run, name: str, label: str, way: str) -> None:
    """The state is that after one call. The client's result is the same, but for what only the first call can tell."""
    once, again = run(name, label, way, 0), run(name, label, way, 1)

    assert again.left == once.left
    assert again.result.keys() == once.result.keys()
    assert {each for each in once.result if again.result[each] != once.result[each]} == CALLS[name][label].first_only


def failure(broker: TokenBroker, name: str, fields: Mapping[str, Any]) -> tuple[type, str, str, bool]:
    with pytest.raises(TokenBrokerError) as raised:
        broker.call(name, **fields)
    error = raised.value
    assert error.request_id
    return type(error), error.code, error.detail, error.retryable


@pytest.mark.parametrize("name", OPERATIONS)
def test_both_transports_raise_the_same_error(broker: TokenBroker, direct: TokenBroker, name: str) -> None:
    fields = {"merchant": "no merchant", **FIELDS.get(name, {})}

    assert failure(broker, name, fields) == failure(direct, name, fields)
