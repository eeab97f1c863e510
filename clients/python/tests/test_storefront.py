"""What a storefront or a client cannot send. No request is made, and no error shows the proof."""

import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from token_broker_client import ShopClient, Storefront, errors
from token_broker_client.connections import Connections

URL = "https://abc.execute-api.eu-central-1.amazonaws.com/v1"
WRONG = pytest.mark.parametrize("value", ["A-SECRET.proof\n", "A-SECRET\r\nX-Evil: 1", "A-SECRET\u20ac", "A-SECRET "])


def failure(call: Callable[[], Any]) -> errors.TokenBrokerError:
    with pytest.raises(errors.TokenBrokerError) as caught:
        call()
    assert "A-SECRET" not in "".join(traceback.format_exception(caught.value))
    assert not caught.value.retryable
    return caught.value


@WRONG
def test_a_proof_that_cannot_be_a_header(value: str) -> None:
    of_a_server = failure(ShopClient(URL, "acme", lambda: value).shopify_token)
    of_a_page = failure(lambda: Storefront(URL, "acme").chicksx_token("s-1", value))
    assert [type(of_a_server), type(of_a_page)] == [errors.InvalidRequest] * 2


@WRONG
def test_an_origin_that_cannot_be_a_header(value: str) -> None:
    assert isinstance(failure(lambda: Storefront(URL, "acme", origin=value)), errors.InvalidRequest)


def raising() -> NoReturn:
    raise RuntimeError("A-SECRET")


@pytest.mark.parametrize("proof", [raising, lambda: None, lambda: ""])
def test_a_proof_that_does_not_come(proof: Any) -> None:
    error = failure(ShopClient(URL, "acme", proof).fourthwall_token)
    assert (type(error), error.code) == (errors.ProofUnavailable, "proof_unavailable")


def test_a_typed_error_of_the_proof_stays() -> None:
    def refuse() -> NoReturn:
        raise errors.StackNotFound("There is no secret.")

    assert isinstance(failure(ShopClient(URL, "acme", refuse).shopify_token), errors.StackNotFound)


@pytest.mark.parametrize("make", [lambda url: Storefront(url, "acme"), lambda url: ShopClient(url, "acme", raising)])
def test_a_proof_is_not_sent_over_plain_http(make: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError, match="https"):
        make("http://shop.example/v1")


@pytest.mark.parametrize("make", [lambda: Storefront(URL, "acme"), lambda: ShopClient(URL, "acme", raising)])
def test_the_certificates_of_the_environment_are_used(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[Any] = []
    plain = Connections.__init__

    def keep(self: Connections, ca_bundle: str | None = None) -> None:
        named.append(ca_bundle)
        plain(self, ca_bundle)

    monkeypatch.setattr(Connections, "__init__", keep)
    monkeypatch.setenv("AWS_CA_BUNDLE", "/certificates.pem")
    make().close()
    assert named == ["/certificates.pem"]
