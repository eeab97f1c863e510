"""What an authorizer knows of the merchants, and which pages it lets in."""

from typing import Any

import pytest

from tests.fakes.clock import NOW, MovableClock
from tests.fakes.documents import MemoryPolicies
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.trust_policies import SHOP, oidc, parse, policy, sessions
from token_broker.domain.grant import Grant
from token_broker.errors import Forbidden
from token_broker.ports.documents import Revisioned
from token_broker.storefronts.admission import Admission

SHOPIFY, FOURTHWALL = "shopify/storefront-access-token", "fourthwall/public-token"
SECOND, PREVIEW = "http://localhost:3000", "https://preview.example"
OPEN = policy(origins=[SHOP, SECOND], anonymous=[SHOPIFY])
LOOPBACK = "http://127.0.0.1:8123"


class Desk:
    """One process of an authorizer."""

    def __init__(self, document: Any = None) -> None:
        self.telemetry = RecordingTelemetry()
        self.store = MemoryPolicies()
        if document is not None:
            self.put(document)
        self.clock = MovableClock()
        self.admission = Admission(self.store.read_all, self.clock, self.telemetry, parse)

    def put(self, document: Any) -> None:
        self.store.stored["acme"] = Revisioned(document=document, revision=1)

    def admits(self, origin: str | None = SHOP, operation: str = SHOPIFY) -> bool:
        try:
            self.admission.admit_page("acme", operation, origin)
        except Forbidden:
            return False
        return True


@pytest.mark.parametrize("origin", [SHOP, SECOND])
def test_a_page_that_the_policy_names_is_let_in_with_its_own_origin_alone(origin: str) -> None:
    assert Desk(OPEN).admission.admit_page("acme", SHOPIFY, origin) == Grant(merchant="acme", origins=(origin,))


def test_a_preview_origin_is_let_in_until_its_end_by_the_one_read_of_the_policy() -> None:
    """Memory keeps a policy for 30 s, and an origin may end before that."""
    desk = Desk(OPEN)
    desk.store.previews["acme"] = ({PREVIEW: int(NOW) + 20}, "x")

    assert desk.admission.admit_page("acme", SHOPIFY, PREVIEW) == Grant(merchant="acme", origins=(PREVIEW,))
    assert not desk.admits(PREVIEW, FOURTHWALL), "no more than the policy opens to its pages"
    desk.clock.advance(20)
    assert not desk.admits(PREVIEW)
    assert desk.admits(SHOP)
    assert desk.store.reads == ["acme"]


def test_a_preview_origin_without_a_policy_opens_nothing() -> None:
    desk = Desk()
    desk.store.previews["acme"] = ({PREVIEW: int(NOW) + 20}, "x")

    assert not desk.admits(PREVIEW)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "*",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://Shop.example",
        "https://shop.example:443",
        "http://shop.example",
        f"{SHOP}, {SHOP}",
        f"{SHOP}\n",
        "http://localhost",
        "http://localhost:30000",
    ],
)
def test_an_origin_that_only_looks_alike_is_not(origin: str | None) -> None:
    assert not Desk(OPEN).admits(origin)


@pytest.mark.parametrize(
    "operation", [FOURTHWALL, "shopify/storefront-access-tokens", "chicksx/public-tokens", "", "*"]
)
def test_an_operation_that_the_policy_does_not_open_stays_closed(operation: str) -> None:
    assert not Desk(OPEN).admits(SHOP, operation)


@pytest.mark.parametrize(
    "document",
    [None, policy(), policy(anonymous=[]), policy(origins=[]), policy(sessions=sessions())],
    ids=["none", "no operation", "no operations", "no origins", "sessions alone"],
)
def test_what_a_policy_does_not_say_is_closed(document: Any) -> None:
    assert not Desk(document).admits()


def test_another_merchants_or_a_deleted_policy_opens_nothing() -> None:
    desk = Desk(OPEN)
    desk.store.stored["deleted"] = Revisioned(document=None, revision=7)

    for merchant in ("other", "deleted"):
        with pytest.raises(Forbidden, match="no trust policy"):
            desk.admission.admit_page(merchant, SHOPIFY, SHOP)


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "policy",
        {**OPEN, "version": 2},
        {**OPEN, "origins": ["*"]},
        {**OPEN, "allow": "all"},
        policy(sessions=sessions(oidc(jwksUri=f"{LOOPBACK}/jwks.json"))),
    ],
)
def test_a_policy_that_our_route_would_not_have_taken_opens_nothing_and_is_told_of(document: Any) -> None:
    desk = Desk(document)

    assert not desk.admits()
    ((event, fields),) = desk.telemetry.notices
    assert (event, fields["merchant"]) == ("trust_policy_unusable", "acme")
    assert fields["reason"]
