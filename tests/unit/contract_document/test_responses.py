"""The functions' own responses have the statuses, headers and members of the document, and no others."""

from collections.abc import Callable
from typing import Any

import pytest

from reference_pages.contract import document, operations
from tests.contract_document import check_response
from tests.fakes.clock import NOW
from tests.fakes.events import Context, api_event, storefront_event
from tests.fakes.provider import down
from tests.fakes.samples import minted
from tests.fakes.surroundings import Broker, pair_stack
from tests.fakes.trust_policies import SHOP, policy, sessions, shop
from tests.unit.loading import load
from token_broker.domain.grant import Grant
from token_broker.tokens.inventory import Finding
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.revoke import revoke

PAGE = Grant(merchant="acme", origins=(SHOP,))
PROOF = Grant(merchant="acme", origins=(SHOP,), session_id="s-1", expires_at=int(NOW) + 600, scopes=("read",))
CLIENT = Grant(merchant="acme", client_until=int(NOW) + 600)
ONE = "/merchants/{merchant}/shopify/storefront-access-tokens/{tokenId}"

type Prepare = Callable[[Broker], object]
type Answer = dict[str, Any]


def send(operation_id: str, *, handler: Any = None, **more: Any) -> Answer:
    """Call the operation's function as API Gateway does, check its response, and return it."""
    operation = operations()[operation_id]
    path = {"merchant": "acme", "sessionId": "s-1", "tokenId": "1001"}
    named = {name: value for name, value in path.items() if f"{{{name}}}" in operation.path}
    needed = {
        each["name"]: [each["example"]] for each in operation.parameters if each["in"] == "query" and "required" in each
    }
    more = {"query": needed, **more}
    if operation.path.startswith("/clients/"):
        route = operation.path.removeprefix("/clients/{merchant}/")
        event = storefront_event(operation=route, route="clients", authorizer=CLIENT.as_context(), **more)
    elif operation.path.startswith("/storefront/"):
        grant = PROOF if operation.method == "POST" else PAGE
        route = operation.path.removeprefix("/storefront/{merchant}/")
        more["headers"] = {"Origin": [SHOP], **more.get("headers", {})}
        event = storefront_event(operation=route, method=operation.method, authorizer=grant.as_context(), **more)
    else:
        event = api_event(httpMethod=operation.method, resource=operation.path, path=named, **more)
    answer: Answer = (handler or load(operation.function))(event, Context())
    check_response(operation.method, operation.path, answer["statusCode"], answer["headers"], answer["body"])
    return answer


def nothing(_broker: Broker) -> None:
    """Leave the stack empty."""


def with_a_token(broker: Broker) -> None:
    shop_token(broker.shopify.call(), "acme")


def with_a_foreign_token(broker: Broker) -> None:
    with_a_token(broker)
    broker.shopify.provider.put(minted("5"), "API Client Extension")


def with_a_lost_token(broker: Broker) -> None:
    with_a_token(broker)
    broker.shopify.provider.listed.clear()


def with_a_revoked_token(broker: Broker) -> None:
    standing = standing_token(broker.shopify.listing_call(), "acme", "App 2.1", None)
    revoke(broker.shopify.listing_call(), "acme", standing.token_id)


def without_a_confirmation(broker: Broker) -> None:
    with_a_token(broker)
    broker.shopify.provider.failures["revoke"] = [down()]


def with_a_provider_that_is_down(broker: Broker) -> None:
    with_a_token(broker)
    broker.shopify.provider.script = [down()]


def with_a_permanent_token(broker: Broker) -> None:
    broker.shopify = stack = pair_stack()
    stack.secrets.stored["acme"] = {"adminAccessToken": stack.provider.give_permanent()}


def with_a_lost_exchange(broker: Broker) -> None:
    with_a_permanent_token(broker)
    broker.shopify.provider.exchange = _unreachable  # type: ignore[attr-defined]


def _unreachable(*_arguments: Any, **_more: Any) -> Any:
    raise down()


def with_a_policy(_broker: Broker) -> None:
    send("storefronts_put_trust_policy", body=policy())


def with_a_preview(_broker: Broker) -> None:
    with_a_policy(_broker)
    send("storefronts_allow_preview_origin", body=PREVIEW)


def with_settings(_broker: Broker) -> None:
    send("shopify_put_rotation_settings", body={"maxAgeDays": 90})


def with_a_sessions_token(_broker: Broker) -> None:
    send("chicksx_public_token", body={"sessionId": "s-1", "scope": ["read"]})


SESSION = {"body": {"sessionId": "s-1"}}
SAME = {"headers": {"If-None-Match": ["*"]}}
PREVIEW = {"origin": "https://pr-7.preview.example", "expiresIn": 3600}
#: Each success of each operation: its status, what happened before, and the request.
SUCCESSES: list[tuple[str, int, Prepare, dict[str, Any]]] = [
    ("fourthwall_public_token", 200, nothing, {}),
    ("fourthwall_rotate", 200, nothing, {}),
    ("chicksx_public_token", 201, nothing, SESSION),
    ("chicksx_public_token", 200, with_a_sessions_token, SESSION),
    ("chicksx_close_session", 200, nothing, {}),
    ("chicksx_close_session", 200, nothing, {"body": {"orderId": "order-1"}}),
    ("chicksx_rotate", 200, nothing, {}),
    ("shopify_storefront_access_token", 200, nothing, {}),
    ("shopify_create_storefront_access_token", 201, nothing, {"body": {"title": "App 2.1"}}),
    ("shopify_list_storefront_access_tokens", 200, with_a_foreign_token, {}),
    ("shopify_list_storefront_access_tokens", 200, with_a_lost_token, {}),
    ("shopify_get_storefront_access_token", 200, with_a_token, {}),
    ("shopify_get_storefront_access_token", 200, with_a_revoked_token, {}),
    ("shopify_delete_storefront_access_token", 200, with_a_token, {}),
    ("shopify_delete_storefront_access_token", 202, without_a_confirmation, {}),
    ("shopify_rotate", 202, nothing, {}),
    ("shopify_rotate", 202, with_a_token, {}),
    ("shopify_rotate", 202, with_a_token, {"body": {"compromised": True}}),
    ("shopify_rotate", 202, with_a_provider_that_is_down, {}),
    ("shopify_put_rotation_settings", 200, nothing, {"body": {"maxAgeDays": 90}}),
    ("shopify_get_rotation_settings", 200, nothing, {}),
    ("shopify_get_rotation_settings", 200, with_settings, {}),
    ("shopify_reconcile", 200, with_a_foreign_token, {}),
    ("shopify_reconcile", 200, with_a_lost_token, {"body": {"apply": True}}),
    ("shopify_migrate_token", 200, with_a_permanent_token, {"body": {"confirm": "acme.myshopify.com"}}),
    ("shopify_migrate_token", 202, with_a_lost_exchange, {"body": {"confirm": "acme.myshopify.com"}}),
    ("storefronts_put_trust_policy", 201, nothing, {"body": policy(sessions=sessions(), shop=shop())}),
    ("storefronts_put_trust_policy", 200, with_a_policy, {"body": policy()}),
    ("storefronts_get_trust_policy", 200, with_a_policy, {}),
    ("storefronts_delete_trust_policy", 200, with_a_policy, {}),
    ("storefront_fourthwall_public_token", 200, nothing, {}),
    ("storefront_fourthwall_public_token", 304, nothing, SAME),
    ("storefront_shopify_storefront_access_token", 200, nothing, {}),
    ("storefront_shopify_storefront_access_token", 304, nothing, SAME),
    ("client_fourthwall_public_token", 200, nothing, {}),
    ("client_fourthwall_public_token", 304, nothing, SAME),
    ("client_shopify_storefront_access_token", 200, nothing, {}),
    ("client_shopify_storefront_access_token", 304, nothing, SAME),
    ("storefronts_allow_preview_origin", 201, with_a_policy, {"body": PREVIEW}),
    ("storefronts_list_preview_origins", 200, with_a_preview, {}),
    ("storefronts_remove_preview_origin", 200, with_a_preview, {}),
    ("storefront_chicksx_public_token", 201, nothing, SESSION),
    ("storefront_chicksx_public_token", 200, with_a_sessions_token, SESSION),
]


#: tests/integration compares the responses of all functions, also of a further provider's.
IN_MEMORY = ("fourthwall", "chicksx", "shopify", "storefronts")


@pytest.mark.parametrize(("operation_id", "status", "prepare", "request_"), SUCCESSES)
def test_a_response_is_as_described(
    broker: Broker, operation_id: str, status: int, prepare: Prepare, request_: dict[str, Any]
) -> None:
    prepare(broker)

    assert send(operation_id, **request_)["statusCode"] == status


def test_every_success_is_one_that_a_function_has() -> None:
    shown = {(operation_id, status) for operation_id, status, *_ in SUCCESSES}
    described = {
        (operation_id, status)
        for operation_id, operation in operations().items()
        for status in operation.responses
        if status < 400 and operation.function.partition("/")[0] in IN_MEMORY
    }

    assert described == shown


def test_every_finding_of_a_reconciliation_is_described() -> None:
    members = document()["components"]["schemas"]["Reconciliation"]["properties"]

    for name in ("counts", "tokens"):
        assert set(members[name]["required"]) == set(members[name]["properties"]) == set(Finding)
