"""The SDK with less data than it ships says of every region what the whole SDK says."""

import botocore.session
import pytest
from botocore.config import Config

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


def test_a_client_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    assert session.client("dynamodb") is session.client("dynamodb")
