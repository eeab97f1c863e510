"""How a call becomes a request."""

from typing import Any

import pytest

from token_broker_client import TokenBroker, errors
from token_broker_client.api import ApiTransport
from token_broker_client.connections import Connections
from token_broker_client.operations import OPERATIONS
from token_broker_client.testing import FakeTransport


def test_fields_go_where_the_api_takes_them_from() -> None:
    operation = OPERATIONS["storefronts/put_trust_policy"]
    fields: dict[str, Any] = {"merchant": "a/b c", "ifMatch": '"3"', "ifNoneMatch": None, "version": 1, "origins": []}
    assert operation.target(fields) == "/merchants/a%2Fb%20c/trust-policy"
    assert operation.header_fields(fields) == {"If-Match": '"3"'}
    assert operation.body(fields) == {"version": 1, "origins": []}


def test_a_space_in_a_query_is_percent_encoded() -> None:
    fields = {"merchant": "acme", "origin": "https://a b/+"}
    target = OPERATIONS["storefronts/remove_preview_origin"].target(fields)
    assert target.partition("?")[2] == "origin=https%3A%2F%2Fa%20b%2F%2B"


def test_a_flag_of_the_query_is_lower_case() -> None:
    operation = OPERATIONS["shopify/delete_storefront_access_token"]
    path = "/merchants/acme/shopify/storefront-access-tokens/7"
    assert operation.target({"merchant": "acme", "tokenId": "7", "foreign": True}) == f"{path}?foreign=true"
    assert operation.target({"merchant": "acme", "tokenId": "7"}) == path


@pytest.mark.parametrize("merchant", [None, "", 7, "\ud800"])
def test_a_path_has_no_empty_part(merchant: Any) -> None:
    with pytest.raises(errors.InvalidRequest, match="'merchant'"):
        OPERATIONS["storefronts/get_trust_policy"].target({"merchant": merchant})


@pytest.mark.parametrize("key", ["", " ", "a\r\nX-Evil: 1", "é", " a", "a "])
def test_a_header_has_visible_characters_only(key: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="'idempotencyKey'"):
        OPERATIONS["shopify/create_storefront_access_token"].header_fields({"idempotencyKey": key})


@pytest.mark.parametrize("member", ["merchant", "ifMatch", "ifNoneMatch"])
def test_a_policys_members_cannot_be_other_fields(member: str) -> None:
    fake = FakeTransport()
    policies = TokenBroker(fake).merchant("acme").trust_policy
    with pytest.raises(errors.InvalidRequest):
        policies.put({"version": 1, "origins": [], member: "other"})
    assert fake.calls == []


def test_no_field_replaces_the_merchant() -> None:
    broker = TokenBroker(FakeTransport())
    with pytest.raises(TypeError, match="merchant"):
        broker.merchant("acme").shopify._call("shopify/rotate", merchant="other")  # noqa: SLF001


@pytest.mark.parametrize(
    "url",
    [
        "",
        "abc.execute-api.eu-central-1.amazonaws.com/v1",
        "ftp://a/v1",
        "https://",
        "https://a/v1?x",
        "http://abc.execute-api.eu-central-1.amazonaws.com/v1",
        "http://10.0.0.1/v1",
        "http://127.0.0.1.example/v1",
        "http://notlocalhost/v1",
    ],
)
def test_an_address_must_be_a_url(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        ApiTransport(url, lambda _method, _url, headers, _body: headers, Connections())


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.1:4566", "[::1]:80", "localhost", "LOCALHOST:1", "api.localhost"]
)
def test_plain_http_is_for_this_machine(host: str) -> None:
    ApiTransport(f"http://{host}/v1", lambda _method, _url, headers, _body: headers, Connections()).close()


def test_a_transport_must_be_known(session: Any) -> None:
    with pytest.raises(ValueError, match="transport"):
        TokenBroker.from_stack("production", transport="labmda", session=session)  # type: ignore[arg-type]
