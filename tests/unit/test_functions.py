"""The functions themselves, each file run over a broker in memory: what comes in, what goes out."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.events import CALLER, Context, api_event
from tests.fakes.provider import down
from tests.fakes.samples import minted
from tests.fakes.surroundings import ListingSurroundings, listing_stack, one_token_stack, session_stack
from token_broker import wiring
from token_broker.broker import Broker, ListingBroker
from token_broker.errors import Conflict
from token_broker.telemetry import PowertoolsTelemetry
from token_broker.wiring import Assembly

FUNCTIONS = Path(__file__).parents[2] / "functions"
FOLDERS = sorted(path.parent.relative_to(FUNCTIONS).as_posix() for path in FUNCTIONS.glob("*/*/app.py"))

type Handler = Callable[[Any, Any], Any]
type Make = Callable[[], PowertoolsTelemetry]


def load(folder: str) -> Handler:
    """The handler of a function's one file."""
    spec = importlib.util.spec_from_file_location(f"app_of_{folder.replace('/', '_')}", FUNCTIONS / folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler


@pytest.fixture
def put_in(monkeypatch: pytest.MonkeyPatch, make_telemetry: Make) -> Callable[[Assembly[Any, Any], Any], None]:
    """Have an assembly serve with other parts."""

    def put(assembly: Assembly[Any, Any], serve: Callable[[str], Any]) -> None:
        monkeypatch.setitem(assembly.__dict__, "telemetry", make_telemetry())
        monkeypatch.setattr(assembly, "broker", lambda caller, deadline: serve(caller))

    return put


@pytest.fixture
def shopify(put_in: Callable[..., None]) -> ListingSurroundings:
    stack = listing_stack()
    put_in(wiring.SHOPIFY, lambda caller: ListingBroker(stack.listing_call(caller)))
    return stack


def body(answer: dict[str, Any]) -> Any:
    return json.loads(answer["body"])


def test_fourthwall_gets_or_creates_the_shops_token(put_in: Callable[..., None]) -> None:
    stack = one_token_stack()
    put_in(wiring.FOURTHWALL, lambda caller: Broker(stack.call(caller)))

    answer = load("fourthwall/public_token")(api_event(httpMethod="PUT", path={"merchant": "acme"}), Context())

    assert (answer["statusCode"], body(answer)["tokenId"]) == (200, "1001")


def test_fourthwalls_caller_may_pass_the_caches_by(put_in: Callable[..., None]) -> None:
    stack = one_token_stack()
    stack.provider.script = [minted("1"), minted("2")]
    put_in(wiring.FOURTHWALL, lambda caller: Broker(stack.call(caller)))
    handler = load("fourthwall/public_token")
    handler({"merchant": "acme"}, Context())
    stack.clock.advance(1)

    event = api_event(httpMethod="PUT", path={"merchant": "acme"}, headers={"Cache-Control": ["no-cache"]})

    assert body(handler(event, Context()))["tokenId"] == "2"


def test_chicksx_says_whether_the_token_is_new(put_in: Callable[..., None]) -> None:
    stack = session_stack()
    put_in(wiring.CHICKSX, lambda caller: Broker(stack.call(caller)))
    handler = load("chicksx/public_token")
    event = api_event(path={"merchant": "acme"}, body={"sessionId": "s-1", "scope": ["read"]})

    answers = [handler(event, Context()) for _ in range(2)]

    assert [answer["statusCode"] for answer in answers] == [201, 200]
    assert body(answers[0]) == body(answers[1])


def test_chicksx_answers_a_state_machine_with_the_plain_token(put_in: Callable[..., None]) -> None:
    stack = session_stack()
    put_in(wiring.CHICKSX, lambda caller: Broker(stack.call(caller)))

    token = load("chicksx/public_token")({"merchant": "acme", "sessionId": "s-1"}, Context())

    assert token["subject"] == "session:s-1"


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


@pytest.mark.parametrize(
    "folder", sorted(str(path.parent.relative_to(FUNCTIONS)) for path in FUNCTIONS.glob("*/*/app.py"))
)
def test_every_function_names_its_route(folder: str) -> None:
    verb, route = (load(folder).__doc__ or "").split(" ")

    assert verb in {"GET", "PUT", "POST", "DELETE"}
    assert route.startswith("/merchants/{merchant}/" + folder.split("/", maxsplit=1)[0])
