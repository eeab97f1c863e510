"""The Shopify simulator, as Shopify's own client for Python (ShopifyAPI) finds it over HTTP."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.background import environment
from sandbox.simulators import Addresses, ControlClient
from tests.reference.paths import PROJECT, reference_python

pytestmark = pytest.mark.audit

SHOP = "demo.myshopify.com"
ADMIN_TOKEN = "shpat_demo"
VERSIONED, UNVERSIONED = "2026-10", None
ENDED_WITHIN = 15


@dataclass
class OfficialClient:
    """The client in its own process, and the account that it asks for."""

    process: subprocess.Popen[str]
    control: ControlClient
    version: str | None = VERSIONED

    def put(self, **changes: object) -> None:
        self.control.put_account("shopify", "demo", **{"shop": SHOP, "adminAccessToken": ADMIN_TOKEN} | changes)

    def call(self, name: str, **arguments: object) -> dict[str, Any]:
        """{"answer"}, or {"raised", "status", "body"}."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        wanted = {"call": name, "shop": SHOP, "token": ADMIN_TOKEN, "version": self.version, **arguments}
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "Shopify's client ended."
        answered: dict[str, Any] = json.loads(line)
        return answered

    def done(self, name: str, **arguments: object) -> Any:
        answered = self.call(name, **arguments)
        assert "raised" not in answered, answered
        return answered["answer"]


@pytest.fixture(scope="module")
def client_process(simulators: Addresses) -> Iterator[subprocess.Popen[str]]:
    port = str(urlsplit(simulators["shopify"]).port)
    with subprocess.Popen(
        [str(reference_python()), "-m", "tests.reference.official_shopify", port],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={name: value for name, value in environment.base().items() if "proxy" not in name.lower()},
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(ENDED_WITHIN)


@pytest.fixture
def client(client_process: subprocess.Popen[str], control: ControlClient) -> OfficialClient:
    made = OfficialClient(client_process, control)
    made.put()
    return made


@pytest.mark.parametrize("version", [VERSIONED, "unstable", UNVERSIONED])
def test_it_creates_lists_and_deletes(client: OfficialClient, version: str | None) -> None:
    client.version = version

    assert client.done("list") == []
    first, second = client.done("create", title="Web"), client.done("create", title="Web")
    listed = client.done("list")
    client.done("delete", id=first["token"]["id"])

    members = {"id", "access_token", "access_scope", "created_at", "title"}
    assert set(first["token"]) == members | (set() if version is UNVERSIONED else {"admin_graphql_api_id"})
    assert not first["isNew"]
    assert first["errors"] == second["errors"] == []
    assert first["token"]["title"] == "Web"
    assert first["token"]["access_scope"] == "unauthenticated_read_product_listings"
    assert listed == [first["token"], second["token"]]
    assert client.done("list") == [second["token"]]
    base = "/admin" if version is UNVERSIONED else f"/admin/api/{version}"
    seen = client.control.requests("shopify")
    assert {each["path"].rpartition("/storefront_access_tokens")[0] for each in seen} == {base}


@pytest.mark.parametrize("mode", ["empty", "object", "text"])
def test_each_form_of_a_deletions_answer_is_taken(client: OfficialClient, mode: str) -> None:
    client.put(deleteAnswer=mode)
    made = client.done("create", title="Web")

    client.done("delete", id=made["token"]["id"])

    assert client.done("list") == []


def test_an_id_beyond_53_bits_stays_what_it_is(client: OfficialClient) -> None:
    client.control.plant_tokens("demo", id=2**60 + 1)

    assert [each["id"] for each in client.done("list")] == [2**60 + 1]
    client.done("delete", id=2**60 + 1)
    assert client.done("list") == []


@pytest.mark.parametrize("version", [VERSIONED, UNVERSIONED])
def test_one_token_cannot_be_found_by_its_id(client: OfficialClient, version: str | None) -> None:
    """Shopify's page has a list, and no address of one token to read: the client has the method all the same."""
    client.version = version
    made = client.done("create", title="Web")

    refused = client.call("find", id=made["token"]["id"])

    assert refused == {"raised": "ResourceNotFound", "status": 404, "body": '{"errors":"Not Found"}'}


def test_a_blank_title_is_read_as_an_error_of_that_field(client: OfficialClient) -> None:
    """422: the client raises nothing, and keeps the messages with the record, which is new still."""
    made = client.done("create", title=" ")

    assert (made["errors"], made["isNew"]) == (["title can't be blank"], True)
    assert client.done("list") == []
