"""Every exchange of the contract pages, played against the simulators over HTTP."""

import json

import pytest

from sandbox.simulators import Addresses, ControlClient
from tests.contract.exchanges import Exchange, load_exchanges, prepare
from tests.contract.exchanges.matching import differences
from tests.contract.exchanges.playing import send

SEEDS = {
    "Fourthwall: Get or Create Public Token",
    "ChicksX: Create public access token",
    "Shopify Admin REST (versioned)",
    "Shopify Admin REST (unversioned)",
}


@pytest.mark.parametrize("exchange", load_exchanges(), ids=lambda exchange: exchange.id)
def test_simulator_answers_as_the_contract_says(
    exchange: Exchange, simulators: Addresses, control: ControlClient
) -> None:
    prepare(control, exchange)
    request, expected = exchange.request, exchange.response

    reply = send(
        *(simulators[exchange.provider], request["method"], request["path"]),
        headers=request["headers"],
        body=exchange.request_body(),
    )

    shown = {name: reply.headers.get(name) for name in expected["headers"]}
    assert reply.status == expected["status"], reply.body
    assert differences(expected["headers"], shown) == []
    if "rawBody" in expected:
        assert reply.body.decode() == expected["rawBody"]
    else:
        assert differences(expected["body"], reply.json()) == []


@pytest.mark.parametrize("exchange", load_exchanges(), ids=lambda exchange: exchange.id)
def test_the_example_answers_match_their_own_matchers(exchange: Exchange) -> None:
    status, _, body = exchange.example_response()

    assert status == exchange.response["status"]
    if "body" in exchange.response and exchange.provider != "chicksx":  # its example of a JWT is cut short
        assert differences(exchange.response["body"], json.loads(body)) == []


def test_every_contract_page_has_its_exchanges_and_every_id_is_unique() -> None:
    exchanges = load_exchanges()

    assert {each.seed for each in exchanges if each.seed} == SEEDS
    assert len({each.id for each in exchanges}) == len(exchanges)


def test_a_difference_is_told_with_its_place() -> None:
    integer, text = {"$match": "integer", "example": 1}, {"$match": "string", "pattern": "^x", "example": "x"}
    expected = {"a": [integer], "b": text}

    assert differences(expected, {"a": [7], "b": "xy"}) == []
    assert differences(expected, {"a": [True], "b": "y", "c": 0}) == [
        "$.c is unexpected",
        "$.a[0] is True, not of kind integer",
        "$.b is 'y', which doesn't match ^x",
    ]
