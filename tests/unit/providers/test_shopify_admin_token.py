"""The admin token that is bought with a client id and secret: when it is bought, kept, renewed and thrown away."""

from typing import Any

import pytest

from tests.fakes.shopify import ENTRY, EXCHANGED, ShopifyLine
from tests.fakes.transport import Step, answer, json_answer
from token_broker.domain.credential_pair import RENEW_BEFORE
from token_broker.errors import ProviderError, ProviderUnavailable, RequestOutcome
from token_broker.http.client import Interrupted, Unreachable
from token_broker.ports.provider import MintRequest
from token_broker.providers.shopify.admin_token import ASSUMED_LIFE

EMPTY_LIST = json_answer(200, {"storefront_access_tokens": []})


def bought(number: int = 1, **changes: Any) -> Step:
    said = {"access_token": f"shpat_bought-{number}", "scope": "write_products", "expires_in": 86399, **changes}
    return json_answer(200, {name: value for name, value in said.items() if value is not None})


def line(*said: Step, **secret: Any) -> ShopifyLine:
    return ShopifyLine(*said, secret={**EXCHANGED, **secret})


def used(of: ShopifyLine) -> str:
    """Ask for the list, and return the admin token that went with it."""
    of.shopify.list_tokens(of.account, of.deadline)
    return of.transport.requests[-1].headers["X-Shopify-Access-Token"]


def test_the_bought_token_is_used_for_every_later_call() -> None:
    created = json_answer(200, {"storefront_access_token": ENTRY})
    of = line(bought(), EMPTY_LIST, EMPTY_LIST, created)

    assert [used(of), used(of)] == ["shpat_bought-1"] * 2
    of.shopify.mint(of.account, MintRequest(title="T"), of.deadline)

    assert len(of.transport.sent) == 4
    assert of.transport.requests[-1].headers["X-Shopify-Access-Token"] == "shpat_bought-1"


def test_a_permanent_token_is_never_bought() -> None:
    of = ShopifyLine(EMPTY_LIST)

    assert used(of) == "shpat_permanent"
    assert len(of.transport.sent) == 1
    of.shopify.invalidate_credentials(of.account)


@pytest.mark.parametrize(
    ("expires_in", "seconds"), [(86399, 86399 - RENEW_BEFORE), (60, 30), (None, ASSUMED_LIFE - RENEW_BEFORE)]
)
def test_it_is_renewed_before_its_end(expires_in: int | None, seconds: float) -> None:
    """A short-lived one is used for half its life, and one without a stated life is taken to live for an hour."""
    of = line(bought(1, expires_in=expires_in), EMPTY_LIST, EMPTY_LIST, bought(2), EMPTY_LIST)
    used(of)

    of.clock.advance(seconds - 1)
    assert used(of) == "shpat_bought-1"
    of.clock.advance(1)
    assert used(of) == "shpat_bought-2"


def test_a_dropped_one_is_bought_again() -> None:
    of = line(bought(1), EMPTY_LIST, bought(2), EMPTY_LIST)
    used(of)

    of.shopify.invalidate_credentials(of.account)
    of.shopify.invalidate_credentials(of.account)

    assert used(of) == "shpat_bought-2"


@pytest.mark.parametrize(
    "change", [{"clientSecret": "shpss_secret-2"}, {"clientId": "client-2"}, {"shop": "other.myshopify.com"}]
)
def test_a_changed_secret_never_meets_what_the_old_one_bought(change: dict[str, str]) -> None:
    of = line(bought(1), EMPTY_LIST, bought(2), EMPTY_LIST)
    used(of)

    of.secret = {**of.secret, **change}

    assert used(of) == "shpat_bought-2"


@pytest.mark.parametrize(
    "said",
    [
        json_answer(200, []),
        bought(access_token="a b"),
        bought(expires_in="86399"),
        bought(expires_in=0),
    ],
)
def test_a_purchase_that_lies_is_a_provider_error(said: Step) -> None:
    with pytest.raises(ProviderError):
        used(line(said))


@pytest.mark.parametrize("said", [Interrupted("no"), Unreachable("no"), answer(500)])
def test_a_purchase_that_fails_made_no_storefront_token(said: Step) -> None:
    """So there is nothing to be looked up, and no intent to be kept open."""
    of = line(*[said] * 3)

    with pytest.raises(ProviderUnavailable) as raised:
        of.shopify.mint(of.account, MintRequest(title="T"), of.deadline)

    assert raised.value.request_outcome is RequestOutcome.NOT_APPLIED


def test_a_later_refusal_that_repeats_the_bought_token_is_cleared_of_it() -> None:
    with pytest.raises(ProviderError) as raised:
        used(line(bought(access_token="opaque"), json_answer(422, {"errors": "opaque is wrong"})))

    assert raised.value.problem("r")["provider"]["message"] == "[redacted] is wrong"
