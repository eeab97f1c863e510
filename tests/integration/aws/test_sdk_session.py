"""The SDK with less data than it ships says of every region what the whole SDK says."""

from dataclasses import dataclass
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from token_broker.aws import session

REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-5", "cn-north-1", "us-gov-west-1", "eu-isoe-west-1"]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("service", ["dynamodb", "secretsmanager"])
@pytest.mark.parametrize("fips", [False, True])
def test_a_region_has_the_address_and_partition_of_the_whole_sdk(region: str, service: str, *, fips: bool) -> None:
    config = Config(use_fips_endpoint=fips)

    ours, whole = (
        made.create_client(service, region_name=region, config=config)
        for made in (session._session(), botocore.session.get_session())
    )

    assert ours.meta.endpoint_url == whole.meta.endpoint_url
    assert ours.meta.partition == whole.meta.partition


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize(("service", "operation"), [("sqs", "SendMessageBatch"), ("events", "PutEvents")])
@pytest.mark.parametrize("fips", [False, True])
def test_messages_and_events_go_to_the_address_of_the_whole_sdk(
    region: str, service: str, operation: str, *, fips: bool
) -> None:
    """By the service's rules, which decide at each call; the table beside them is not up to date for these."""
    config = Config(use_fips_endpoint=fips)

    ours, whole = (
        made.create_client(service, region_name=region, config=config)
        for made in (session._session(), botocore.session.get_session())
    )

    assert address_asked(ours, operation) == address_asked(whole, operation)
    assert ours.meta.partition == whole.meta.partition


def address_asked(client: Any, operation: str) -> str:
    """Where a call would be sent to."""
    model = client.meta.service_model.operation_model(operation)
    return str(client._ruleset_resolver.construct_endpoint(model, {}, {}).url)


def test_a_client_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    assert session.client("dynamodb") is session.client("dynamodb")


@dataclass
class Answered:
    """An answer as the SDK sees it before it is parsed."""

    headers: dict[str, str]
    content: bytes


@pytest.mark.parametrize("came", [b"", b"{", b'{"Item": {}'])
def test_an_answer_that_broke_off_is_none(came: bytes) -> None:
    """Reject a truncated response, which botocore would take for a missing item or an empty secret."""
    with pytest.raises(BotoCoreError):
        session._reject_truncated(http_response=Answered({"content-length": "12"}, came))


def test_a_whole_answer_is_one_also_where_its_length_was_not_declared() -> None:
    for headers in ({"content-length": "2"}, {}):
        session._reject_truncated(http_response=Answered(headers, b"{}"))
