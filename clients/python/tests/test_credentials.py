"""What happens without usable credentials, region or certificates. No request is sent."""

import ssl
from collections.abc import Callable
from typing import Any, NoReturn

import botocore.session
import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError, EndpointConnectionError, PartialCredentialsError
from urllib3.exceptions import SSLError

from token_broker_client import ProofSigner, TokenBroker, errors
from token_broker_client.aws import Signer
from token_broker_client.connections import Connections

API = "https://abc.execute-api.eu-central-1.amazonaws.com/v1"


def failure(call: Callable[[], Any]) -> errors.TokenBrokerError:
    with pytest.raises(errors.TokenBrokerError) as caught:
        call()
    assert "A-SECRET" not in f"{caught.value} {caught.value!r}"
    assert not caught.value.retryable
    return caught.value


def call_api(session: Any) -> Any:
    return TokenBroker.at(API, session=session).merchant("acme").shopify.current()


def call_lambda(session: Any) -> Any:
    return TokenBroker.from_stack("production", transport="lambda", session=session)


def sign_proof(session: Any) -> Any:
    return ProofSigner.from_secret("a-secret", issuer="https://shop.example", session=session).sign("s-1")


CALLS = pytest.mark.parametrize("call", [call_api, call_lambda, sign_proof])


@CALLS
def test_no_credentials(call: Callable[[Any], Any]) -> None:
    session = botocore.session.Session()
    session.set_config_variable("region", "eu-central-1")
    assert isinstance(failure(lambda: call(session)), errors.CredentialsUnavailable)


@CALLS
def test_a_profile_that_does_not_exist(call: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert isinstance(failure(lambda: call(None)), errors.CredentialsUnavailable)


def refused(*_: Any) -> NoReturn:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "A-SECRET"}}, "AssumeRole")


def unreachable(*_: Any) -> NoReturn:
    raise EndpointConnectionError(endpoint_url="https://A-SECRET")


def incomplete(*_: Any) -> NoReturn:
    raise PartialCredentialsError(provider="env", cred_var="A-SECRET")


def broken(*_: Any) -> NoReturn:
    raise RuntimeError("A-SECRET")


@CALLS
@pytest.mark.parametrize("refresh", [refused, unreachable, incomplete, broken])
def test_a_refresh_that_fails(
    call: Callable[[Any], Any], refresh: Callable[..., NoReturn], session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired = RefreshableCredentials.create_from_metadata(
        {"access_key": "a", "secret_key": "b", "token": "c", "expiry_time": "2020-01-01T00:00:00Z"}, refresh, "test"
    )
    monkeypatch.setattr(session, "get_credentials", lambda: expired)
    assert isinstance(failure(lambda: call(session)), errors.CredentialsUnavailable)


@pytest.mark.parametrize("call", [call_lambda, sign_proof])
def test_no_region(call: Callable[[Any], Any]) -> None:
    session = botocore.session.Session()
    session.set_credentials("a", "b")
    assert isinstance(failure(lambda: call(session)), errors.RegionMissing)


def test_a_region_that_is_none(session: Any) -> None:
    error = failure(lambda: TokenBroker.from_stack("production", session=session, region="eu central/1"))
    assert isinstance(error, errors.RegionMissing)


def test_the_region_of_an_api_is_in_its_address() -> None:
    signer = Signer(botocore.session.Session())
    assert signer.region(API) == signer.region(API.replace("execute-api", "execute-api-fips")) == "eu-central-1"
    assert isinstance(failure(lambda: signer.region("https://api.shop.example/v1")), errors.RegionMissing)


def test_a_session_of_boto3_is_unwrapped(session: Any) -> None:
    class Wrapping:
        _session = session

    assert Signer(Wrapping()).session is session


def test_a_refreshed_credential_is_used(session: Any) -> None:
    signer = Signer(session)
    first = signer.signed("execute-api", "GET", API, {}, None)
    session.get_credentials().access_key = "AKIDANOTHER"
    second = signer.signed("execute-api", "GET", API, {}, None)
    assert "Credential=AKIDEXAMPLE/" in first["Authorization"]
    assert "Credential=AKIDANOTHER/" in second["Authorization"]


@pytest.mark.parametrize(
    ("cause", "retryable", "detail"),
    [
        (ssl.SSLCertVerificationError("self-signed"), False, "AWS_CA_BUNDLE"),
        (ssl.SSLEOFError("EOF"), True, "could not be checked"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_not_asked_for_again(
    session: Any, monkeypatch: pytest.MonkeyPatch, cause: ssl.SSLError, retryable: bool, detail: str
) -> None:
    def refuse(*_: Any) -> NoReturn:
        raise SSLError(cause)

    monkeypatch.setattr(Connections, "_pools", refuse)
    with pytest.raises(errors.ConnectionFailed, match=detail) as caught:
        TokenBroker.at(API, session=session, attempts=1).merchant("acme").shopify.current()
    assert caught.value.retryable is retryable
