"""A creation that names no key gets one, which all attempts of the call send."""

from collections.abc import Mapping
from typing import Any

import pytest

from token_broker_client import TokenBroker
from token_broker_client.deadline import Deadline
from token_broker_client.errors import ConnectionFailed
from token_broker_client.operations import Operation
from token_broker_client.transport import Answer

CREATE = "shopify/create_storefront_access_token"


class Silent:
    """Answer nothing, and keep the keys."""

    def __init__(self) -> None:
        self.keys: list[Any] = []

    def send(self, _operation: Operation, fields: Mapping[str, Any], _deadline: Deadline) -> Answer:
        self.keys.append(fields.get("idempotencyKey"))
        raise ConnectionFailed("No answer came.", retryable=True)

    def close(self) -> None:
        """Close nothing."""


def keys_of(operation: str, **fields: Any) -> list[Any]:
    transport = Silent()
    with pytest.raises(ConnectionFailed):
        TokenBroker(transport, attempts=1).call(operation, merchant="demo", **fields)
    return transport.keys


def test_each_call_has_a_key_of_its_own() -> None:
    assert all(keys_of(CREATE, title="Kiosk"))
    assert keys_of(CREATE, title="Kiosk") != keys_of(CREATE, title="Kiosk")


def test_a_key_that_is_named_is_sent_even_if_it_is_empty() -> None:
    assert keys_of(CREATE, title="Kiosk", idempotencyKey="k") == ["k"]
    assert keys_of(CREATE, title="Kiosk", idempotencyKey="") == [""]


def test_other_operations_have_none() -> None:
    assert keys_of("shopify/rotate") == [None]
