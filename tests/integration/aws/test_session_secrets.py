"""Session secrets: what is stored of a pair, which version is read, and what each failure says."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.integration.support.outages import aws_error, refusing
from token_broker.aws.session_secrets import SecretsManagerSessions
from token_broker.domain.credential_pair import CredentialPair
from token_broker.errors import BrokerError, InternalError, MerchantMisconfigured, StorageUnavailable
from token_broker.ports.secrets import StoredPair

ACCESS, REFRESH = "access-value-that-nobody-may-see", "refresh-value-that-nobody-may-see"
PAIR = CredentialPair(ACCESS, REFRESH, 1_800_000_000, 1_800_003_600, 1_807_776_000, origin="print-of-origin")
NEXT = CredentialPair(f"{ACCESS}-2", f"{REFRESH}-2", 1_800_003_300, 1_800_006_900, origin="print-of-origin")


class Drawer:
    """The session secrets under one prefix."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.prefix = f"drawer-{uuid.uuid4().hex[:8]}"
        self.name = f"{self.prefix}/shopify-session/acme"
        self.sessions = SecretsManagerSessions(lambda: client, prefix=self.prefix, provider="shopify")


@pytest.fixture
def drawer(secretsmanager: Any) -> Drawer:
    return Drawer(secretsmanager)


def refused(run: Callable[[], object], kind: type[BrokerError]) -> BrokerError:
    with pytest.raises(kind) as failed:
        run()
    shown = f"{failed.value.detail} {failed.value.causes} {failed.value!r}"
    assert "nobody-may-see" not in shown
    assert "arn:" not in shown
    assert failed.value.__cause__ is None
    return failed.value


def test_the_first_pair_creates_the_secret_and_each_next_one_a_version(drawer: Drawer) -> None:
    first = drawer.sessions.write("acme", PAIR)
    second = drawer.sessions.write("acme", NEXT)

    assert first != second
    assert drawer.sessions.read("acme") == StoredPair(second, NEXT)
    assert drawer.sessions.read("acme", first) == StoredPair(first, PAIR)
    assert "Do not change" in drawer.client.describe_secret(SecretId=drawer.name)["Description"]


def test_the_same_pair_is_stored_again_under_another_version(drawer: Drawer) -> None:
    versions = {drawer.sessions.write("acme", PAIR) for _ in range(2)}

    assert [drawer.sessions.read("acme", each) for each in versions] == [StoredPair(each, PAIR) for each in versions]


def test_the_json_of_a_pair_is_the_one_that_other_versions_read(drawer: Drawer) -> None:
    drawer.sessions.write("acme", PAIR)

    assert json.loads(drawer.client.get_secret_value(SecretId=drawer.name)["SecretString"]) == {
        "accessToken": ACCESS,
        "refreshToken": REFRESH,
        "obtainedAt": 1_800_000_000,
        "accessExpiresAt": 1_800_003_600,
        "refreshExpiresAt": 1_807_776_000,
        "origin": "print-of-origin",
    }


def test_a_member_of_a_newer_version_is_ignored(drawer: Drawer) -> None:
    drawer.sessions.write("acme", PAIR)
    text = drawer.client.get_secret_value(SecretId=drawer.name)["SecretString"]
    changed = json.dumps({**json.loads(text), "scope": "write_products"})
    version = drawer.client.put_secret_value(SecretId=drawer.name, SecretString=changed)["VersionId"]

    assert drawer.sessions.read("acme") == StoredPair(version, PAIR)


def test_a_missing_secret_and_a_missing_version_are_no_pair(drawer: Drawer) -> None:
    assert drawer.sessions.read("acme") is None
    assert drawer.sessions.read("acme", "missing-version") is None

    drawer.sessions.write("acme", PAIR)

    assert drawer.sessions.read("acme", str(uuid.uuid4())) is None
    assert drawer.sessions.read("another") is None


@pytest.mark.parametrize(
    "text",
    [
        ACCESS,
        "null",
        f'["{ACCESS}"]',
        "{}",
        json.dumps({"accessToken": ACCESS, "refreshToken": REFRESH}),
        json.dumps({"accessToken": ACCESS, "refreshToken": None, "obtainedAt": 1, "accessExpiresAt": 2, "origin": ""}),
        json.dumps({"accessToken": ACCESS, "refreshToken": "r", "obtainedAt": 1, "accessExpiresAt": "2", "origin": ""}),
    ],
)
def test_what_somebody_else_has_written_is_no_pair(drawer: Drawer, text: str) -> None:
    drawer.client.create_secret(Name=drawer.name, SecretString=text)

    assert drawer.sessions.read("acme") is None


def test_a_binary_secret_is_no_pair(drawer: Drawer) -> None:
    drawer.client.create_secret(Name=drawer.name, SecretBinary=b"{}")

    assert drawer.sessions.read("acme") is None


def test_a_secret_that_is_scheduled_for_deletion_must_be_restored(drawer: Drawer) -> None:
    drawer.sessions.write("acme", PAIR)
    drawer.client.delete_secret(SecretId=drawer.name, RecoveryWindowInDays=7)

    failures = [refused(lambda: drawer.sessions.read("acme"), MerchantMisconfigured)]
    # moto writes to such a secret, and AWS does not.
    with refusing(drawer.client, "PutSecretValue", error=lambda: aws_error("InvalidRequestException")):
        failures.append(refused(lambda: drawer.sessions.write("acme", NEXT), MerchantMisconfigured))

    for failure in failures:
        assert "shopify-session/acme" in failure.detail
        assert "Restore it" in failure.detail
    drawer.client.restore_secret(SecretId=drawer.name)
    read = drawer.sessions.read("acme")
    assert read is not None
    assert read.pair == PAIR


@pytest.mark.parametrize(
    ("error", "kind", "cause"),
    [
        (lambda: aws_error("AccessDeniedException"), InternalError, "Secrets Manager: AccessDeniedException"),
        (lambda: aws_error("DecryptionFailure"), InternalError, "Secrets Manager: DecryptionFailure"),
        (lambda: aws_error("ThrottlingException"), StorageUnavailable, "Secrets Manager: ThrottlingException"),
        (lambda: aws_error("InternalServiceError"), StorageUnavailable, "Secrets Manager: InternalServiceError"),
        (
            lambda: EndpointConnectionError(endpoint_url="https://secretsmanager.us-east-1.amazonaws.com"),
            StorageUnavailable,
            "Secrets Manager: EndpointConnectionError",
        ),
    ],
    ids=["denied", "undecryptable", "throttled", "internal", "no connection"],
)
@pytest.mark.parametrize("operation", ["GetSecretValue", "PutSecretValue", "CreateSecret"])
def test_a_failure_of_secrets_manager_is_named_without_a_value(
    drawer: Drawer, operation: str, error: Callable[[], Exception], kind: type[BrokerError], cause: str
) -> None:
    def run() -> object:
        if operation == "GetSecretValue":
            return drawer.sessions.read("acme")
        return drawer.sessions.write("acme", PAIR)

    with refusing(drawer.client, operation, error=error):
        failure = refused(run, kind)

    assert failure.causes == (cause,)
    run()
    assert drawer.sessions.read("acme", "missing-version") is None


def test_two_first_pairs_at_once_are_both_stored(drawer: Drawer) -> None:
    """Another caller creates the secret after this one has found none."""
    first = drawer.sessions.write("acme", PAIR)

    with refusing(drawer.client, "PutSecretValue", error=lambda: aws_error("ResourceNotFoundException"), times=1):
        second = drawer.sessions.write("acme", NEXT)

    assert drawer.sessions.read("acme", first) == StoredPair(first, PAIR)
    assert drawer.sessions.read("acme", second) == StoredPair(second, NEXT)


@pytest.mark.parametrize("key", ["", "arn:aws:kms:us-east-1:123456789012:key/1234"])
def test_a_new_secret_is_encrypted_with_the_stacks_key_if_it_has_one(drawer: Drawer, key: str) -> None:
    SecretsManagerSessions(lambda: drawer.client, prefix=drawer.prefix, provider="shopify", key_arn=key).write(
        "acme", PAIR
    )

    assert drawer.client.describe_secret(SecretId=drawer.name).get("KmsKeyId", "") == key
