"""Merchants' secrets: what can be wrong with one, what the caller is told, and how long one is kept in memory."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.fakes.clock import MovableClock
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.outages import aws_error, refusing
from token_broker.aws.secrets import SecretsManager
from token_broker.errors import BrokerError, MerchantMisconfigured, MerchantNotFound, StorageUnavailable

PASSWORD = "hunter2-is-no-password"
SECRET = {"username": "ann", "password": PASSWORD}


class Shelf:
    """One prefix in Secrets Manager and the adapter that reads it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.prefix = f"shelf-{uuid.uuid4().hex[:8]}"
        self.clock = MovableClock()
        self.secrets = SecretsManager(lambda: client, prefix=self.prefix, provider="fourthwall", clock=self.clock)

    def put(self, merchant: str, **value: Any) -> None:
        self.client.create_secret(Name=f"{self.prefix}/fourthwall/{merchant}", **value)

    def change(self, merchant: str, text: str) -> None:
        self.client.put_secret_value(SecretId=f"{self.prefix}/fourthwall/{merchant}", SecretString=text)


@pytest.fixture
def shelf(secretsmanager: Any) -> Shelf:
    return Shelf(secretsmanager)


def refused(shelf: Shelf, merchant: str, kind: type[BrokerError]) -> str:
    with pytest.raises(kind) as failed:
        shelf.secrets.read(merchant)
    detail = failed.value.detail
    assert PASSWORD not in detail
    assert "arn:" not in detail
    assert failed.value.__cause__ is None
    return detail


def test_a_secret_is_read_by_its_full_name(shelf: Shelf) -> None:
    shelf.put("acme", SecretString=json.dumps(SECRET))

    assert shelf.secrets.read("acme") == SECRET


def test_a_missing_secret_means_that_there_is_no_such_merchant(shelf: Shelf) -> None:
    assert "acme" in refused(shelf, "acme", MerchantNotFound)


def test_another_merchants_secret_that_begins_alike_is_not_taken(shelf: Shelf) -> None:
    shelf.put("acme-AbCdEf", SecretString=json.dumps(SECRET))

    refused(shelf, "acme", MerchantNotFound)


def test_a_secret_that_waits_for_its_deletion_is_missing(shelf: Shelf) -> None:
    shelf.put("acme", SecretString=json.dumps(SECRET))
    shelf.client.delete_secret(SecretId=f"{shelf.prefix}/fourthwall/acme", RecoveryWindowInDays=7)

    refused(shelf, "acme", MerchantNotFound)


def test_a_binary_secret_is_refused(shelf: Shelf) -> None:
    shelf.put("acme", SecretBinary=json.dumps(SECRET).encode())

    assert "binary" in refused(shelf, "acme", MerchantMisconfigured)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PASSWORD, "not JSON"),
        (f'{{"password": "{PASSWORD}"', "not JSON"),
        (f'{{"password": "{PASSWORD}", "password": "x"}}', "given twice"),
        (f'["{PASSWORD}"]', "JSON object"),
        (f'"{PASSWORD}"', "JSON object"),
        ("null", "JSON object"),
        ("{" * 5000, "not JSON|deeply"),
        (f'{{"password": "{PASSWORD}", "n": NaN}}', "NaN"),
    ],
)
def test_a_secret_that_is_no_json_object_is_told_so_without_its_text(shelf: Shelf, text: str, says: str) -> None:
    shelf.put("acme", SecretString=text)

    detail = refused(shelf, "acme", MerchantMisconfigured)

    assert any(each in detail for each in says.split("|"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (lambda: aws_error("AccessDeniedException"), MerchantMisconfigured),
        (lambda: aws_error("DecryptionFailure"), MerchantMisconfigured),
        (lambda: aws_error("ThrottlingException"), StorageUnavailable),
        (lambda: aws_error("InternalServiceError"), StorageUnavailable),
        (
            lambda: EndpointConnectionError(endpoint_url="https://secretsmanager.us-east-1.amazonaws.com"),
            StorageUnavailable,
        ),
    ],
    ids=["denied", "undecryptable", "throttled", "internal", "no connection"],
)
def test_a_failure_of_secrets_manager(shelf: Shelf, error: Callable[[], Exception], kind: type[BrokerError]) -> None:
    shelf.put("acme", SecretString=json.dumps(SECRET))
    with refusing(shelf.client, "GetSecretValue", error=error):
        detail = refused(shelf, "acme", kind)
        with pytest.raises(kind) as failure:
            shelf.secrets.read("acme")

    assert "amazonaws" not in detail
    assert failure.value.causes[0].startswith("Secrets Manager: ")
    assert shelf.secrets.read("acme") == SECRET  # a failure is not remembered


def test_a_value_is_kept_for_five_minutes(shelf: Shelf) -> None:
    shelf.put("acme", SecretString=json.dumps(SECRET))
    shelf.secrets.read("acme")
    shelf.change("acme", json.dumps({"accessToken": "new"}))

    shelf.clock.advance(299)
    assert shelf.secrets.read("acme") == SECRET

    shelf.clock.advance(2)
    assert shelf.secrets.read("acme") == {"accessToken": "new"}


def test_a_fresh_read_passes_memory_by_and_renews_it(shelf: Shelf) -> None:
    shelf.put("acme", SecretString=json.dumps(SECRET))
    shelf.secrets.read("acme")
    shelf.change("acme", json.dumps({"accessToken": "new"}))

    with counted(shelf.client) as calls:
        assert shelf.secrets.read("acme", fresh=True) == {"accessToken": "new"}
        assert shelf.secrets.read("acme") == {"accessToken": "new"}
    assert calls == ["GetSecretValue"]


def test_a_fresh_read_that_fails_forgets_what_was_kept(shelf: Shelf) -> None:
    shelf.put("acme", SecretString=json.dumps(SECRET))
    shelf.secrets.read("acme")
    shelf.client.delete_secret(SecretId=f"{shelf.prefix}/fourthwall/acme", ForceDeleteWithoutRecovery=True)

    with pytest.raises(MerchantNotFound):
        shelf.secrets.read("acme", fresh=True)
    refused(shelf, "acme", MerchantNotFound)


def test_the_secret_of_an_app_is_shared_by_its_merchants(shelf: Shelf) -> None:
    shelf.client.create_secret(Name=f"{shelf.prefix}/fourthwall-app/storefront", SecretString=json.dumps(SECRET))
    shelf.put("storefront", SecretString=json.dumps({"another": "secret"}))

    with counted(shelf.client) as calls:
        assert [shelf.secrets.read_app("storefront") for _ in range(2)] == [SECRET, SECRET]
    assert calls == ["GetSecretValue"]


def test_an_app_without_a_secret_is_the_merchants_configuration(shelf: Shelf) -> None:
    with pytest.raises(MerchantMisconfigured, match="there is no secret fourthwall-app/storefront"):
        shelf.secrets.read_app("storefront")
