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

SHOP = "demo.myshopify.com"
ADMIN_TOKEN = "shpat_demo"
VERSIONED, UNVERSIONED = "2026-10", None
ENDED_WITHIN = 15


@dataclass
class OfficialClient:
    """The client in its own process. `shop`, `token` and `version` go into every call."""

    process: subprocess.Popen[str]
    shop: str = SHOP
    token: str = ADMIN_TOKEN
    version: str | None = VERSIONED

    def call(self, name: str, **arguments: object) -> dict[str, Any]:
        """{"answer"}, or {"raised", "status", "body", "retryAfter"}."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        wanted = {"call": name, "shop": self.shop, "token": self.token, "version": self.version, **arguments}
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "Shopify's client ended."
        answered: dict[str, Any] = json.loads(line)
        return answered

    def done(self, name: str, **arguments: object) -> Any:
        """Return the client's result and fail if the client raised an error."""
        answered = self.call(name, **arguments)
        assert "raised" not in answered, answered
        return answered["answer"]

    def refused(self, name: str, **arguments: object) -> tuple[str, int, Any]:
        """Return the exception's class, its status and Shopify's `errors`."""
        answered = self.call(name, **arguments)
        assert "raised" in answered, answered
        return answered["raised"], answered["status"], json.loads(answered["body"])["errors"]


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
    control.put_account("shopify", "demo", shop=SHOP, adminAccessToken=ADMIN_TOKEN)
    return OfficialClient(client_process)


@pytest.mark.parametrize("version", [VERSIONED, "unstable", UNVERSIONED])
def test_it_creates_lists_and_deletes(client: OfficialClient, control: ControlClient, version: str | None) -> None:
    client.version = version

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
    assert {each["path"].rpartition("/storefront_access_tokens")[0] for each in control.requests("shopify")} == {base}


@pytest.mark.parametrize("mode", ["empty", "object", "text"])
def test_each_form_of_a_deletions_answer_is_taken(client: OfficialClient, control: ControlClient, mode: str) -> None:
    control.put_account("shopify", "demo", shop=SHOP, adminAccessToken=ADMIN_TOKEN, deleteAnswer=mode)
    made = client.done("create", title="Web")

    client.done("delete", id=made["token"]["id"])

    assert client.done("list") == []


def test_a_shop_without_tokens_has_an_empty_list(client: OfficialClient) -> None:
    assert client.done("list") == []


def test_an_id_beyond_53_bits_stays_what_it_is(client: OfficialClient, control: ControlClient) -> None:
    control.plant_tokens("demo", id=2**60 + 1)

    assert [each["id"] for each in client.done("list")] == [2**60 + 1]
    client.done("delete", id=2**60 + 1)
    assert client.done("list") == []


@pytest.mark.parametrize("version", [VERSIONED, UNVERSIONED])
def test_one_token_cannot_be_found_by_its_id(client: OfficialClient, version: str | None) -> None:
    """Shopify's page has a list, and no address of one token to read: the client has the method all the same."""
    client.version = version
    made = client.done("create", title="Web")

    assert client.refused("find", id=made["token"]["id"]) == ("ResourceNotFound", 404, "Not Found")


def test_deleting_what_is_not_there_is_not_found(client: OfficialClient) -> None:
    assert client.refused("delete", id=1) == ("ResourceNotFound", 404, "Not Found")


def test_a_wrong_admin_token_is_unauthorized(client: OfficialClient) -> None:
    client.token = "shpat_other"

    raised, status, errors = client.refused("list")

    assert (raised, status) == ("UnauthorizedAccess", 401)
    assert "Invalid API key or access token" in errors


def test_another_shops_host_is_not_found(client: OfficialClient) -> None:
    client.shop = "unknown.myshopify.com"

    assert client.refused("list")[:2] == ("ResourceNotFound", 404)


def test_the_hundred_and_first_token_is_a_bad_request(client: OfficialClient, control: ControlClient) -> None:
    control.plant_tokens("demo", count=100)

    refusal = client.refused("create", title="Web")

    assert refusal == ("BadRequest", 400, ["Api permission exceeds public access token limit of: 100"])


def test_an_app_without_unauthenticated_scopes_is_forbidden(client: OfficialClient, control: ControlClient) -> None:
    control.put_account("shopify", "demo", shop=SHOP, adminAccessToken=ADMIN_TOKEN, accessScopes=["read_products"])

    refusal = client.refused("create", title="Web")

    assert refusal == ("ForbiddenAccess", 403, "App must be extendable to create a storefront access token.")


def test_a_refusal_without_a_body_is_forbidden_all_the_same(client: OfficialClient, control: ControlClient) -> None:
    account = {"shop": SHOP, "adminAccessToken": ADMIN_TOKEN, "accessScopes": [], "ineligibleAnswer": "empty"}
    control.put_account("shopify", "demo", **account)

    refused = client.call("create", title="Web")

    assert (refused["raised"], refused["status"], refused["body"]) == ("ForbiddenAccess", 403, "")


def test_a_blank_title_is_read_as_an_error_of_that_field(client: OfficialClient) -> None:
    """422: the client raises nothing, and keeps the messages with the record, which is new still."""
    made = client.done("create", title=" ")

    assert made["errors"] == ["title can't be blank"]
    assert made["isNew"]
    assert client.done("list") == []


@pytest.mark.parametrize(
    ("mode", "raised", "status"),
    [("payment_required", "ClientError", 402), ("unavailable", "ForbiddenAccess", 403), ("locked", "ClientError", 423)],
)
def test_a_shop_that_is_closed_refuses(
    client: OfficialClient, control: ControlClient, mode: str, raised: str, status: int
) -> None:
    control.put_account("shopify", "demo", shop=SHOP, adminAccessToken=ADMIN_TOKEN, shopStatus=mode)

    assert client.refused("list")[:2] == (raised, status)


def test_too_many_calls_are_told_to_wait(client: OfficialClient, control: ControlClient) -> None:
    control.put_account("shopify", "demo", shop=SHOP, adminAccessToken=ADMIN_TOKEN, bucketSize=1, leakPerSecond=0.01)
    client.done("list")

    refused = client.call("list")

    assert (refused["raised"], refused["status"], refused["retryAfter"]) == ("ClientError", 429, "2.0")


@pytest.mark.parametrize("version", ["2019-03", "2031-01"])
def test_a_version_that_never_was_is_not_found(client: OfficialClient, version: str) -> None:
    client.version = version

    assert client.refused("list")[:2] == ("ResourceNotFound", 404)
