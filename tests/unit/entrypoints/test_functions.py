"""The functions themselves, each file run over a broker in memory: what comes in, what goes out."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deployed_function import Function
from tests.expected_functions import FUNCTIONS as EXPECTED
from tests.fakes.clock import NOW
from tests.fakes.events import CALLER, Context, api_event, queue_event, storefront_event
from tests.fakes.provider import down
from tests.fakes.samples import minted
from tests.fakes.surroundings import Broker
from tests.fakes.trust_policies import policy
from tests.unit.loading import FUNCTIONS, load
from token_broker import wiring
from token_broker.domain.grant import Grant
from token_broker.errors import Conflict, PreconditionFailed
from token_broker.telemetry import PowertoolsTelemetry

SHOP = "https://shop.example"
PAGE = Grant(merchant="acme", origins=(SHOP,))
PROOF = Grant(merchant="acme", origins=(SHOP,), session_id="s-1", expires_at=int(NOW) + 600, scopes=("read",))
ACME = {"merchant": "acme"}

type Make = Callable[[], PowertoolsTelemetry]


def body(answer: dict[str, Any]) -> Any:
    return json.loads(answer["body"])


#: Each signed call: the function, its request, the statuses of two calls in a row, and members of the answer.
CALLS: list[tuple[str, dict[str, Any], list[int], dict[str, Any]]] = [
    ("fourthwall/public_token", {}, [200, 200], {"tokenId": "1001"}),
    ("chicksx/public_token", {"body": {"sessionId": "s-1"}}, [201, 200], {"subject": "session:s-1"}),
    (
        "chicksx/close_session",
        {"path": {**ACME, "sessionId": "s%231"}, "body": {"orderId": "order-1"}},
        [200, 200],
        {"sessionId": "s#1", "closed": True, "closedAt": int(NOW), "orderId": "order-1"},
    ),
    ("chicksx/close_session", {"path": {**ACME, "sessionId": "s-1"}}, [200, 200], {"sessionId": "s-1", "closed": True}),
    ("shopify/storefront_access_token", {}, [200, 200], {"title": "Token Broker"}),
    (
        "shopify/create_storefront_access_token",
        {"body": {"title": "Blog"}, "headers": {"Idempotency-Key": ["k-1"]}},
        [201, 201],
        {"tokenId": "1001", "title": "Blog"},
    ),
    ("shopify/list_storefront_access_tokens", {}, [200, 200], {"used": 0, "limit": 100}),
    ("storefronts/put_trust_policy", {"body": policy()}, [201, 200], policy()),
]


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize(("folder", "event", "statuses", "members"), CALLS)
def test_a_signed_call_is_answered(
    folder: str, event: dict[str, Any], statuses: list[int], members: dict[str, Any]
) -> None:
    handler = load(folder)

    answers = [handler(api_event(**{"path": ACME, **event}), Context()) for _ in statuses]

    assert [answer["statusCode"] for answer in answers] == statuses
    assert body(answers[0]) == body(answers[1])
    assert body(answers[0]).items() >= members.items()


def test_fourthwalls_caller_may_pass_the_caches_by(broker: Broker) -> None:
    broker.fourthwall.provider.script = [minted("1"), minted("2")]
    handler = load("fourthwall/public_token")
    assert handler(ACME, Context())["tokenId"] == "1"
    broker.fourthwall.clock.advance(1)

    event = api_event(httpMethod="PUT", path=ACME, headers={"Cache-Control": ["no-cache"]})

    assert body(handler(event, Context()))["tokenId"] == "2"


def test_one_session_is_closed_through_every_door(broker: Broker) -> None:
    handler, order = load("chicksx/close_session"), {**ACME, "sessionId": "a/b é%25"}

    assert handler(order, Context())["closed"] is True
    assert handler(queue_event({**order, "orderId": "order-1"}), Context()) == {"batchItemFailures": []}
    through_api = handler(api_event(path={**ACME, "sessionId": "a%2Fb%20%C3%A9%2525"}), Context())

    assert through_api["statusCode"] == 200
    assert list(broker.chicksx.store.subjects) == [("acme", "session:a/b é%25")]


def test_shopifys_create_knows_who_asked(broker: Broker) -> None:
    load("shopify/create_storefront_access_token")(api_event(path=ACME, body={"title": "Blog"}), Context())

    assert broker.shopify.store.records["acme", "shop", "1001"].requested_by == CALLER


@pytest.mark.parametrize(("pending", "status", "word"), [(False, 200, "confirmed"), (True, 202, "pending")])
def test_shopifys_delete_says_whether_it_is_confirmed(broker: Broker, status: int, word: str, *, pending: bool) -> None:
    broker.shopify.provider.put(minted("5"), "Theirs")
    broker.shopify.provider.failures["revoke"] = [down()] if pending else []
    handler, path = load("shopify/delete_storefront_access_token"), {**ACME, "tokenId": "5"}

    with pytest.raises(Conflict):
        handler(path, Context())
    answer = handler(api_event(httpMethod="DELETE", path=path, query={"foreign": ["true"]}), Context())

    assert (answer["statusCode"], body(answer)) == (status, {"revocation": word})


def test_a_trust_policys_revision_and_precondition_are_passed_on(broker: Broker) -> None:
    put, get, delete = (load(f"storefronts/{operation}_trust_policy") for operation in ("put", "get", "delete"))

    assert put({**ACME, **policy()}, Context()) == {**policy(), "revision": 1}
    assert get(ACME, Context()) == {**policy(), "revision": 1}
    with pytest.raises(PreconditionFailed):
        put({**ACME, **policy(origins=[]), "ifMatch": '"7"'}, Context())
    with pytest.raises(PreconditionFailed):
        delete({**ACME, "ifMatch": '"7"'}, Context())
    assert broker.policies.stored["acme"].changed_by == "direct"
    assert delete({**ACME, "ifMatch": '"1"'}, Context()) == {"deleted": True}
    assert delete(ACME, Context()) == {"deleted": False}


# Storefronts at the same functions


@pytest.mark.parametrize("operation", ["fourthwall/public-token", "shopify/storefront-access-token"])
def test_a_page_gets_the_shops_token_and_not_a_second_time_what_it_has(broker: Broker, operation: str) -> None:
    handler = load(operation.replace("-", "_"))

    def ask(**headers: str) -> dict[str, Any]:
        sent = {"Origin": [SHOP], "Cache-Control": ["no-cache"], **{name: [each] for name, each in headers.items()}}
        event = storefront_event(operation=operation, headers=sent, authorizer=PAGE.as_context())
        return dict(handler(event, Context()))

    first = ask()
    again = ask(**{"If-None-Match": first["headers"]["ETag"]})

    assert (first["statusCode"], body(first)["tokenId"]) == (200, "1001")
    assert first["headers"]["Access-Control-Allow-Origin"] == SHOP
    assert (again["statusCode"], again["body"]) == (304, "")
    assert len(broker.fourthwall.provider.mints + broker.shopify.provider.mints) == 1


@pytest.mark.usefixtures("broker")
def test_a_session_with_its_proof_gets_its_token() -> None:
    handler = load("chicksx/public_token")

    def post(**asked: Any) -> dict[str, Any]:
        event = storefront_event(
            operation="chicksx/public-tokens",
            method="POST",
            body=asked,
            headers={"Origin": [SHOP]},
            authorizer=PROOF.as_context(),
        )
        return dict(handler(event, Context()))

    answers = [post(sessionId="s-1"), post(sessionId="s-1"), post(sessionId="s-2"), post(sessionId="s-1", scope=["x"])]

    assert [answer["statusCode"] for answer in answers] == [201, 200, 403, 403]
    assert {answer["headers"]["Access-Control-Allow-Origin"] for answer in answers} == {SHOP}


CLOSED_TO_STOREFRONTS = [
    each for each in EXPECTED if not each.decides and not any(" /storefront/" in route for route in each.routes)
]


@pytest.mark.parametrize("function", CLOSED_TO_STOREFRONTS, ids=lambda function: function.folder)
def test_a_function_without_a_route_for_storefronts_refuses_them(
    monkeypatch: pytest.MonkeyPatch, make_telemetry: Make, function: Function
) -> None:
    """Whatever the gateway were told to send there. Nothing is read, and nothing but telemetry is made."""
    monkeypatch.setattr(wiring, "PowertoolsTelemetry", lambda _name: make_telemetry())
    monkeypatch.setattr(wiring, "client", lambda service: pytest.fail(f"a client for {service} was made"))

    answer = load(function.folder)(storefront_event(authorizer=PAGE.as_context(), body="no JSON"), Context())

    assert (answer["statusCode"], body(answer)["detail"]) == (403, "Storefronts can only ask for the current token.")


WITH_A_ROUTE = [function for function in EXPECTED if function.routes or function.decides]


@pytest.mark.parametrize("function", WITH_A_ROUTE, ids=lambda function: function.folder)
def test_every_function_names_its_route(function: Function) -> None:
    verb, route = (load(function.folder).__doc__ or "").split()[1:3]
    route = route.rstrip(":.")

    if function.decides:
        served = {each for other in EXPECTED for each, who in other.routes.items() if who == function.decides}
        assert route.endswith("/…")
        assert all(each.startswith(f"{verb} {route.removesuffix('…')}") for each in served)
    else:
        assert f"{verb} {route}" == next(iter(function.routes))


def test_every_function_is_expected() -> None:
    assert sorted(path.parent.relative_to(FUNCTIONS).as_posix() for path in FUNCTIONS.glob("*/*/app.py")) == sorted(
        each.folder for each in EXPECTED
    )


@pytest.mark.parametrize("path", sorted(FUNCTIONS.glob("*/*/app.py")), ids=lambda path: path.parent.name)
def test_a_function_names_its_own_folder_in_the_log(path: Path) -> None:
    decorators = [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)]
    names = [each.args[1] for each in decorators if ast.unparse(each.func) == "entrypoint"]

    assert [ast.literal_eval(name) for name in names] in ([], [path.parent.relative_to(FUNCTIONS).as_posix()])
    assert names or path.parent.name.endswith("_authorizer")
