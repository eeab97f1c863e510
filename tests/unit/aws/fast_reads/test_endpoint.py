"""The address is the one that botocore resolves. What only botocore can obey is left to it."""

from collections.abc import Mapping
from typing import Any

import botocore.session
import pytest

from tests.fakes.clock import MovableClock
from token_broker.aws import session
from token_broker.aws.fast_reads import reads
from token_broker.aws.fast_reads.reads import LEFT_TO_BOTOCORE, endpoint

PARTITIONS: list[Mapping[str, Any]] = botocore.session.get_session().get_data("partitions")["partitions"]
#: The Regions that the SDK knows, by their partition. One of each partition stands for all of its services.
REGIONS = {each["id"]: [name for name in each["regions"] if not name.endswith("-global")] for each in PARTITIONS}
COMMERCIAL = REGIONS.pop("aws")
OTHERS = [region for regions in REGIONS.values() for region in regions]
HERE = {"AWS_DEFAULT_REGION": "eu-central-1"}


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what botocore resolves from variables, as an address and its Region."""
    for name in (*LEFT_TO_BOTOCORE, "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(name, raising=False)

    def resolve(variables: Mapping[str, str]) -> tuple[str, str]:
        with monkeypatch.context() as patch:
            for name, value in {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", **variables}.items():
                patch.setenv(name, value)
            session.client.cache_clear()
            meta = session.client("dynamodb").meta
            session.client.cache_clear()
        return meta.endpoint_url, meta.region_name

    return resolve


def ours(variables: Mapping[str, str]) -> tuple[str, str] | None:
    found = endpoint(variables)
    return None if found is None else (f"{found.scheme}://{found.authority}", found.region)


def test_there_are_regions_to_compare() -> None:
    assert len(COMMERCIAL) > 30
    assert {"cn-north-1", "us-gov-west-1", "eusc-de-east-1"} <= set(OTHERS)


def test_each_commercial_region_has_botocores_address(resolved: Any) -> None:
    addresses = {region: ours({"AWS_DEFAULT_REGION": region}) for region in COMMERCIAL}

    assert addresses == {region: resolved({"AWS_DEFAULT_REGION": region}) for region in COMMERCIAL}
    assert endpoint(HERE) == ("https", host := "dynamodb.eu-central-1.amazonaws.com", 443, host, "eu-central-1")


@pytest.mark.parametrize("region", [*OTHERS, "aws-global", "us-east-1-fips", "fips-us-east-1", "us-east-1\n", ""])
def test_any_other_region_is_left_to_botocore(region: str) -> None:
    assert endpoint({"AWS_DEFAULT_REGION": region}) is None


def test_without_a_region_botocore_has_to_find_one() -> None:
    assert endpoint({"AWS_REGION": "us-east-1"}) is None


@pytest.mark.parametrize(
    "configured",
    [
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
        {"AWS_ENDPOINT_URL": "http://localhost:4566/"},
        {"AWS_ENDPOINT_URL": "https://host.example"},
        {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
        {"AWS_ENDPOINT_URL_DYNAMODB": "", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
    ],
)
def test_a_configured_address_is_botocores(resolved: Any, configured: Mapping[str, str]) -> None:
    address, region = resolved({**HERE, **configured})

    assert ours({**HERE, **configured}) == (address.removesuffix("/"), region)


@pytest.mark.parametrize(
    "address",
    [
        *("http://127.0.0.1:4566/prefix", "http://127.0.0.1?query", "http://user@127.0.0.1", "ftp://127.0.0.1"),
        *("127.0.0.1:4566", "http://", "http://127.0.0.1:port", "http://127.0.0.1:99999"),
    ],
)
def test_an_address_of_another_shape_is_left_to_botocore(address: str) -> None:
    assert endpoint({**HERE, "AWS_ENDPOINT_URL": address}) is None


@pytest.mark.parametrize("name", LEFT_TO_BOTOCORE)
def test_a_variable_that_botocore_obeys_is_left_to_it(name: str) -> None:
    assert endpoint({**HERE, name: "1"}) is None
    assert endpoint({**HERE, name: ""}) == endpoint(HERE)


@pytest.mark.parametrize(
    "wanted",
    [
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
    ],
)
def test_where_botocore_resolves_another_address_none_is_ours(resolved: Any, wanted: Mapping[str, str]) -> None:
    """So the names of the variables are those that botocore reads."""
    plain = {name: value for name, value in wanted.items() if name == "AWS_ENDPOINT_URL"}

    assert resolved({**HERE, **wanted}) != ours({**HERE, **plain})
    assert endpoint({**HERE, **wanted}) is None


@pytest.mark.parametrize("proxy", ["HTTPS_PROXY", "https_proxy"])
def test_with_a_proxy_a_process_has_no_fast_reads(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in (*LEFT_TO_BOTOCORE, "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert reads.fast_reads(print, MovableClock()) is not None

    monkeypatch.setenv(proxy, "http://127.0.0.1:3128")

    assert reads.fast_reads(print, MovableClock()) is None
