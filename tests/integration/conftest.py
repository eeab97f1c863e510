"""One AWS in this process for each module, and beside it the providers' simulators; nothing else can be reached."""

import hashlib
import ssl
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
import pytest_socket
from moto import mock_aws
from moto.core.models import patch_client

from sandbox.simulators import Addresses, ControlClient, running_simulators
from tests.integration.support.consistency import assert_agreement
from tests.integration.support.in_process_stack import SECRETS, Stack
from tests.integration.support.store_harness import StoreBench
from tests.reference import dynamodb as dynamodb_engines
from tests.template_as_written import table_definition
from token_broker import wiring
from token_broker.aws import session

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

#: What stands for DynamoDB. Whoever asks for `every_engine` runs on all of them, the rest on the first, the fastest.
TABLE_ENGINES = ("moto", "local-aws", pytest.param("dynamodb-local", marks=pytest.mark.audit))

#: Makes owners' names unique for each test: DynamoDB remembers a ClientRequestToken for ten minutes (moto does not).
_SALT = [""]


def _salted(params: dict[str, Any], **_: Any) -> None:
    given = _SALT[0] + params["ClientRequestToken"]
    params["ClientRequestToken"] = hashlib.sha256(given.encode()).hexdigest()[:32]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run who asks for it once on each engine, a module's tests on one after those on another.

    The store in memory is one more engine for a test that asks for no client of AWS.
    """
    if "every_engine" in metafunc.fixturenames:
        engines = TABLE_ENGINES if "aws" in metafunc.fixturenames else ("memory", *TABLE_ENGINES)
        metafunc.parametrize("engine", engines, indirect=True, scope="module")


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> str:
    """Return what the store is kept in."""
    return str(getattr(request, "param", "moto"))


@pytest.fixture(scope="module")
def every_engine(engine: str) -> str:
    """Run the test once on each engine."""
    return engine


@pytest.fixture(scope="session")
def local_aws() -> Iterator[Any]:
    with dynamodb_engines.local_aws() as client:
        yield _salting(client)


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[Any]:
    with dynamodb_engines.dynamodb_local() as client:
        yield _salting(client)


@pytest.fixture(scope="session")
def clients() -> Mapping[str, Any]:
    """Return the functions' own clients with invalid credentials, created once because each client is slow to load."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION"):
            patch.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        session.client.cache_clear()
        made = {service: session.client(service) for service in ("dynamodb", "events", "secretsmanager", "sqs")}
        session.client.cache_clear()
        for each in made.values():
            patch_client(each)  # moto's own way in is botocore's handlers, which these clients do without
        _salting(made["dynamodb"])
    return made


def _salting(dynamodb: Any) -> Any:
    dynamodb.meta.events.register("provide-client-params.dynamodb.TransactWriteItems", _salted)
    return dynamodb


@pytest.fixture(scope="module")
def aws(clients: Mapping[str, Any], engine: str, request: pytest.FixtureRequest) -> Iterator[Mapping[str, Any]]:
    """Run moto behind the clients, or another DynamoDB engine, and block every address beyond this machine."""
    if engine != "moto":
        clients = {**clients, "dynamodb": request.getfixturevalue(engine.replace("-", "_"))}
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setattr(wiring, "client", clients.__getitem__)
        # The simulators speak plain http: reading the trusted certificates for each new worker would be for nothing.
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        pytest_socket.socket_allow_hosts(["127.0.0.1"])
        yield clients
        pytest_socket._remove_restrictions()  # noqa: SLF001 - the package has no other way back


@pytest.fixture
def dynamodb(aws: Mapping[str, Any]) -> Any:
    """Return the DynamoDB client; another engine is another endpoint in `clients`."""
    return aws["dynamodb"]


@pytest.fixture
def secretsmanager(aws: Mapping[str, Any]) -> Any:
    return aws["secretsmanager"]


@pytest.fixture(scope="module")
def module_table(aws: Mapping[str, Any]) -> Iterator[str]:
    """One table for all tests of a module."""
    with new_table(aws["dynamodb"]) as name:
        yield name


@pytest.fixture
def table_name(dynamodb: Any, module_table: str) -> Iterator[str]:
    """Yield the name of an empty table with the template's definition."""
    _SALT[0] = uuid.uuid4().hex
    yield module_table
    empty(dynamodb, module_table)


@contextmanager
def new_table(dynamodb: Any) -> Iterator[str]:
    """Create a table and delete it when the block ends."""
    name = f"tokens-{uuid.uuid4().hex[:12]}"
    dynamodb.create_table(TableName=name, **table_definition())
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    yield name
    dynamodb.delete_table(TableName=name)


def empty(dynamodb: Any, table: str) -> None:
    """Delete every item: faster than another table."""
    keys = dynamodb.scan(TableName=table, ProjectionExpression="pk, sk", ConsistentRead=True)["Items"]
    for start in range(0, len(keys), 25):
        deletes = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + 25]]
        dynamodb.batch_write_item(RequestItems={table: deletes})


@pytest.fixture(scope="session")
def simulators() -> Iterator[Addresses]:
    with running_simulators() as addresses:
        yield addresses


@contextmanager
def deployed(simulators: Addresses, dynamodb: Any, secretsmanager: Any, table: str) -> Iterator[Stack]:
    """Run a broker with the merchant `demo` at each provider, then check that no log line holds a secret."""
    prefix = f"token-broker-{uuid.uuid4().hex[:12]}"
    environment = {
        "TOKEN_TABLE": table,
        "SECRET_PREFIX": prefix,
        "TOKEN_MARGIN_SECONDS": "60",
        **{f"{provider.upper()}_BASE_URL": simulators[provider] for provider in SECRETS},
        "SHOPIFY_API_VERSION": "2026-10",
        "LOOPBACK_JWKS_ORIGIN": simulators["issuer"],
        "EVENT_BUS": "token-broker",
        "POWERTOOLS_SERVICE_NAME": "token-broker",
        "POWERTOOLS_METRICS_NAMESPACE": "TokenBroker",
    }
    stack = Stack(dynamodb, secretsmanager, table, prefix, ControlClient(simulators["control"]))
    stack.control.reset()
    for provider in SECRETS:
        stack.merchant(provider)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield stack
    lines = "\n".join(line for worker in stack.workers.values() for line in worker.log)
    assert [value for value in stack.values() if value in lines] == []


@pytest.fixture
def stack(simulators: Addresses, dynamodb: Any, secretsmanager: Any, table_name: str) -> Iterator[Stack]:
    """Yield a new broker, then check that its table and the providers agree."""
    with deployed(simulators, dynamodb, secretsmanager, table_name) as made:
        yield made
        assert_agreement(made)


@pytest.fixture(params=["rest", "graphql"])
def both_admin_apis(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test over each of Shopify's Admin APIs."""
    monkeypatch.setenv("SHOPIFY_ADMIN_API", request.param)


@pytest.fixture(scope="module")
def untouched_stack(simulators: Addresses, aws: Mapping[str, Any]) -> Iterator[Stack]:
    """One broker for all tests of a module in which nothing may happen."""
    dynamodb = aws["dynamodb"]
    with new_table(dynamodb) as table, deployed(simulators, dynamodb, aws["secretsmanager"], table) as made:
        yield made


@pytest.fixture
def bench(dynamodb: Any, table_name: str) -> StoreBench:
    """Return a store bench with an empty table."""
    return StoreBench(dynamodb=dynamodb, table_name=table_name)
