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
from tests.fakes.documents import MemoryDocuments
from tests.fakes.events import CALLER, Context, api_event, queue_event, storefront_event
from tests.fakes.provider import ScriptedProvider, down
from tests.fakes.samples import minted
from tests.fakes.surroundings import (
    ListingSurroundings,
    Surroundings,
    listing_stack,
    one_token_stack,
    session_stack,
)
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.trust_policies import parse, policy
from tests.unit.loading import FUNCTIONS, load
from token_broker import wiring
from token_broker.domain.grant import Grant
from token_broker.errors import Conflict, InvalidRequest, PreconditionFailed, TrustPolicyNotFound
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.telemetry import PowertoolsTelemetry

SHOP = "https://shop.example"
PAGE = Grant(merchant="acme", origins=(SHOP,))
PROOF = Grant(merchant="acme", origins=(SHOP,), session_id="s-1", expires_at=int(NOW) + 600, scopes=("read",))

type Make = Callable[[], PowertoolsTelemetry]


@pytest.fixture
def shopify(put_in: Callable[..., None]) -> ListingSurroundings:
    stack = listing_stack()
    put_in("shopify", lambda request: stack.listing_call(request.caller, grant=request.grant))
    return stack


def body(answer: dict[str, Any]) -> Any:
    return json.loads(answer["body"])


def test_fourthwall_gets_or_creates_the_shops_token(put_in: Callable[..., None]) -> None:
    stack = one_token_stack()
    put_in("fourthwall", lambda request: stack.call(request.caller, grant=request.grant))

    answer = load("fourthwall/public_token")(api_event(httpMethod="PUT", path={"merchant": "acme"}), Context())

    assert (answer["statusCode"], body(answer)["tokenId"]) == (200, "1001")


def test_fourthwalls_caller_may_pass_the_caches_by(put_in: Callable[..., None]) -> None:
    stack = one_token_stack()
    stack.provider.script = [minted("1"), minted("2")]
    put_in("fourthwall", lambda request: stack.call(request.caller, grant=request.grant))
    handler = load("fourthwall/public_token")
    handler({"merchant": "acme"}, Context())
    stack.clock.advance(1)

    event = api_event(httpMethod="PUT", path={"merchant": "acme"}, headers={"Cache-Control": ["no-cache"]})

    assert body(handler(event, Context()))["tokenId"] == "2"


def test_chicksx_says_whether_the_token_is_new(put_in: Callable[..., None]) -> None:
    stack = session_stack()
    put_in("chicksx", lambda request: stack.call(request.caller, grant=request.grant))
    handler = load("chicksx/public_token")
    event = api_event(path={"merchant": "acme"}, body={"sessionId": "s-1", "scope": ["read"]})

    answers = [handler(event, Context()) for _ in range(2)]

    assert [answer["statusCode"] for answer in answers] == [201, 200]
    assert body(answers[0]) == body(answers[1])


def test_chicksx_answers_a_state_machine_with_the_plain_token(put_in: Callable[..., None]) -> None:
    stack = session_stack()
    put_in("chicksx", lambda request: stack.call(request.caller, grant=request.grant))

    token = load("chicksx/public_token")({"merchant": "acme", "sessionId": "s-1"}, Context())

    assert token["subject"] == "session:s-1"


@pytest.fixture
def sessions(put_in: Callable[..., None]) -> Surroundings[ScriptedProvider]:
    stack = session_stack()
    put_in("chicksx", lambda request: stack.call(request.caller, grant=request.grant))
    return stack


def test_chicksx_closes_a_session_and_says_so_each_time(sessions: Surroundings[ScriptedProvider]) -> None:
    event = api_event(path={"merchant": "acme", "sessionId": "s%231"}, body={"orderId": "order-1"})
    handler = load("chicksx/close_session")

    answers = [handler(event, Context()) for _ in range(2)]

    assert [answer["statusCode"] for answer in answers] == [200, 200]
    shown = {"sessionId": "s#1", "closed": True, "closedAt": int(NOW), "orderId": "order-1"}
    assert [body(answer) for answer in answers] == [shown, shown]
    assert answers[0]["headers"]["Cache-Control"] == "no-store"


def test_chicksx_closes_a_session_without_an_order_and_without_a_body(sessions: Surroundings[ScriptedProvider]) -> None:
    answer = load("chicksx/close_session")(api_event(path={"merchant": "acme", "sessionId": "s-1"}), Context())

    assert body(answer) == {"sessionId": "s-1", "closed": True, "closedAt": int(NOW)}


def test_one_session_is_closed_through_every_door(sessions: Surroundings[ScriptedProvider]) -> None:
    handler, order = load("chicksx/close_session"), {"merchant": "acme", "sessionId": "a/b é%25"}

    assert handler(order, Context())["closed"] is True
    assert handler(queue_event({**order, "orderId": "order-1"}), Context()) == {"batchItemFailures": []}
    through_api = handler(api_event(path={"merchant": "acme", "sessionId": "a%2Fb%20%C3%A9%2525"}), Context())

    assert through_api["statusCode"] == 200
    assert list(sessions.store.subjects) == [("acme", "session:a/b é%25")]


def test_chicksx_names_what_a_direct_call_lacks(sessions: Surroundings[ScriptedProvider]) -> None:
    with pytest.raises(InvalidRequest, match="'sessionId' must be given"):
        load("chicksx/close_session")({"merchant": "acme"}, Context())


def test_shopifys_current_token_is_answered(shopify: ListingSurroundings) -> None:
    event = api_event(httpMethod="GET", path={"merchant": "acme"})

    answer = load("shopify/storefront_access_token")(event, Context())

    assert (answer["statusCode"], body(answer)["title"]) == (200, "Token Broker")


def test_shopifys_create_answers_201_and_knows_who_asked(shopify: ListingSurroundings) -> None:
    event = api_event(path={"merchant": "acme"}, body={"title": "Blog"}, headers={"Idempotency-Key": ["k-1"]})
    handler = load("shopify/create_storefront_access_token")

    answers = [handler(event, Context()) for _ in range(2)]

    assert [answer["statusCode"] for answer in answers] == [201, 201]
    assert body(answers[0]) == body(answers[1])
    assert shopify.store.records["acme", "shop", "1001"].requested_by == CALLER


def test_shopifys_list_is_answered(shopify: ListingSurroundings) -> None:
    shopify.provider.put(minted("5"), "Theirs")

    answer = load("shopify/list_storefront_access_tokens")(
        api_event(httpMethod="GET", path={"merchant": "acme"}), Context()
    )

    assert (answer["statusCode"], body(answer)["used"], body(answer)["limit"]) == (200, 1, 100)


@pytest.mark.parametrize(("pending", "status", "word"), [(False, 200, "confirmed"), (True, 202, "pending")])
def test_shopifys_delete_says_whether_it_is_confirmed(
    shopify: ListingSurroundings, status: int, word: str, *, pending: bool
) -> None:
    shopify.provider.put(minted("5"), "Theirs")
    shopify.provider.failures["revoke"] = [down()] if pending else []
    event = api_event(httpMethod="DELETE", path={"merchant": "acme", "tokenId": "5"}, query={"foreign": ["true"]})

    answer = load("shopify/delete_storefront_access_token")(event, Context())

    assert (answer["statusCode"], body(answer)) == (status, {"revocation": word})


def test_shopifys_delete_of_a_foreign_token_raises_for_a_state_machine(shopify: ListingSurroundings) -> None:
    shopify.provider.put(minted("5"), "Theirs")

    with pytest.raises(Conflict):
        load("shopify/delete_storefront_access_token")({"merchant": "acme", "tokenId": "5"}, Context())


# Storefronts at the same functions


def test_a_page_gets_fourthwalls_token(put_in: Callable[..., None]) -> None:
    stack = one_token_stack()
    put_in("fourthwall", lambda request: stack.call(request.caller, grant=request.grant))
    event = storefront_event(
        operation="fourthwall/public-token",
        headers={"Origin": [SHOP], "Cache-Control": ["no-cache"]},
        authorizer=PAGE.as_context(),
    )

    answer = load("fourthwall/public_token")(event, Context())

    assert (answer["statusCode"], body(answer)["tokenId"]) == (200, "1001")
    assert answer["headers"]["Access-Control-Allow-Origin"] == SHOP
    assert answer["headers"]["ETag"]


def test_a_page_gets_shopifys_token_and_not_a_second_time_what_it_has(shopify: ListingSurroundings) -> None:
    handler = load("shopify/storefront_access_token")
    event = storefront_event(headers={"Origin": [SHOP]}, authorizer=PAGE.as_context())
    first = handler(event, Context())

    known = {"Origin": [SHOP], "If-None-Match": [first["headers"]["ETag"]]}
    again = handler(storefront_event(headers=known, authorizer=PAGE.as_context()), Context())

    assert (first["statusCode"], body(first)["title"]) == (200, "Token Broker")
    assert (again["statusCode"], again["body"]) == (304, "")
    assert len(shopify.provider.mints) == 1


def test_a_session_with_its_proof_gets_its_token(put_in: Callable[..., None]) -> None:
    stack = session_stack()
    put_in("chicksx", lambda request: stack.call(request.caller, grant=request.grant))
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
    assert {answer["headers"]["Cache-Control"] for answer in answers} == {"no-store"}
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


# Trust policies


@pytest.fixture
def office(put_in: Callable[..., None]) -> MemoryDocuments[Any]:
    store = MemoryDocuments[Any]()
    put_in(
        "trust_policies",
        lambda request: TrustPolicies(store, RecordingTelemetry(), parse, caller=request.caller),
    )
    return store


def trust_policy(operation: str, document: Any = None, **headers: str) -> dict[str, Any]:
    """Return the response to a signed call of one of the three routes."""
    event = api_event(
        resource="/merchants/{merchant}/trust-policy",
        httpMethod=operation.upper(),
        path={"merchant": "acme"},
        body=document,
        headers={name.replace("_", "-"): [value] for name, value in headers.items()},
    )
    return dict(load(f"storefronts/{operation}_trust_policy")(event, Context()))


def test_a_trust_policy_is_put_shown_changed_and_deleted(office: MemoryDocuments[Any]) -> None:
    made = trust_policy("put", policy())
    assert (made["statusCode"], made["headers"]["ETag"], body(made)) == (201, '"1"', policy())
    assert office.stored["acme"].changed_by == CALLER

    shown = trust_policy("get")
    assert (shown["statusCode"], shown["headers"]["ETag"], body(shown)) == (200, '"1"', policy())

    other = policy(origins=["https://two.example"])
    changed = trust_policy("put", other, If_Match='"1"')
    assert (changed["statusCode"], changed["headers"]["ETag"], body(changed)) == (200, '"2"', other)

    for deleted in (True, False):
        answer = trust_policy("delete")
        assert (answer["statusCode"], body(answer)) == (200, {"deleted": deleted})

    missing = trust_policy("get")
    assert (missing["statusCode"], body(missing)["code"]) == (404, "trust_policy_not_found")


def test_a_precondition_that_fails_changes_nothing(office: MemoryDocuments[Any]) -> None:
    trust_policy("put", policy())

    answers = [
        trust_policy("put", policy(origins=[]), If_None_Match="*"),
        trust_policy("put", policy(origins=[]), If_Match='"7"'),
        trust_policy("delete", If_Match='"7"'),
    ]

    assert {(answer["statusCode"], body(answer)["code"]) for answer in answers} == {(412, "precondition_failed")}
    assert office.stored["acme"].revision == 1


def test_a_document_that_is_no_policy_is_refused(office: MemoryDocuments[Any]) -> None:
    answer = trust_policy("put", policy(origins=["*"]))

    assert (answer["statusCode"], body(answer)["code"]) == (400, "invalid_request")
    assert office.writes == []


def test_a_state_machine_changes_trust_policies_too(office: MemoryDocuments[Any]) -> None:
    put, get, delete = (load(f"storefronts/{operation}_trust_policy") for operation in ("put", "get", "delete"))
    acme = {"merchant": "acme"}

    assert put({**acme, **policy()}, Context()) == {**policy(), "revision": 1}
    assert get(acme, Context()) == {**policy(), "revision": 1}
    with pytest.raises(PreconditionFailed):
        delete({**acme, "ifMatch": '"7"'}, Context())
    assert delete({**acme, "ifMatch": '"1"'}, Context()) == {"deleted": True}
    with pytest.raises(TrustPolicyNotFound):
        get(acme, Context())


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
