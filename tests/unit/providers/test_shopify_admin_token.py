"""The admin token that is bought with a client id and secret: when it is bought, kept, renewed and thrown away."""

from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.fakes.shopify import ENTRY, EXCHANGED, ShopifyLine
from tests.fakes.transport import Step, answer, json_answer
from token_broker.domain.credential_pair import RENEW_BEFORE
from token_broker.errors import (
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderThrottled,
    ProviderUnavailable,
    RequestOutcome,
    ShopUnavailable,
)
from token_broker.http.client import Interrupted, Unreachable
from token_broker.ports.provider import MintRequest
from token_broker.providers.shopify.admin_token import ASSUMED_LIFE

EMPTY_LIST = json_answer(200, {"storefront_access_tokens": []})


def bought(number: int = 1, **changes: Any) -> Step:
    said = {"access_token": f"shpat_bought-{number}", "scope": "write_products", "expires_in": 86399, **changes}
    return json_answer(200, {name: value for name, value in said.items() if value is not None})


def line(*said: Step, **secret: Any) -> ShopifyLine:
    return ShopifyLine(*said, secret={**EXCHANGED, **secret})


def use(of: ShopifyLine) -> str:
    """Ask for the list; the admin token that went with it."""
    of.shopify.list_tokens(of.account, of.deadline)
    return of.transport.requests[-1].headers["X-Shopify-Access-Token"]


def failure(*said: Step) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        use(line(*said))
    return raised.value


def test_the_purchase_is_a_form_and_nothing_else() -> None:
    of = line(bought(), EMPTY_LIST, clientSecret="shpss_a&b=c d")

    use(of)

    purchase = of.transport.requests[0]
    assert (purchase.method, purchase.url) == ("POST", "https://acme.myshopify.com/admin/oauth/access_token")
    assert purchase.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert parse_qs((purchase.body or b"").decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["client-1"],
        "client_secret": ["shpss_a&b=c d"],
    }


def test_the_bought_token_is_used_for_every_later_call() -> None:
    of = line(bought(), EMPTY_LIST, EMPTY_LIST)

    assert [use(of), use(of)] == ["shpat_bought-1"] * 2
    assert len(of.transport.sent) == 3


def test_a_permanent_token_is_never_bought() -> None:
    of = ShopifyLine(EMPTY_LIST)

    assert use(of) == "shpat_permanent"
    assert len(of.transport.sent) == 1
    of.shopify.invalidate_credentials(of.account)


def test_it_is_renewed_before_its_end() -> None:
    of = line(bought(1), EMPTY_LIST, EMPTY_LIST, bought(2), EMPTY_LIST)
    use(of)

    of.clock.advance(86399 - RENEW_BEFORE - 1)
    assert use(of) == "shpat_bought-1"
    of.clock.advance(1)
    assert use(of) == "shpat_bought-2"


def test_a_short_lived_one_is_used_for_half_its_life() -> None:
    of = line(bought(1, expires_in=60), EMPTY_LIST, EMPTY_LIST, bought(2), EMPTY_LIST)
    use(of)

    of.clock.advance(29)
    assert use(of) == "shpat_bought-1"
    of.clock.advance(1)
    assert use(of) == "shpat_bought-2"


def test_one_without_a_stated_life_is_taken_to_live_for_an_hour() -> None:
    of = line(bought(1, expires_in=None), EMPTY_LIST, bought(2), EMPTY_LIST)
    use(of)

    of.clock.advance(ASSUMED_LIFE - RENEW_BEFORE)
    assert use(of) == "shpat_bought-2"


def test_a_forgotten_one_is_bought_again() -> None:
    of = line(bought(1), EMPTY_LIST, bought(2), EMPTY_LIST)
    use(of)

    of.shopify.invalidate_credentials(of.account)
    of.shopify.invalidate_credentials(of.account)

    assert use(of) == "shpat_bought-2"


@pytest.mark.parametrize(
    "change", [{"clientSecret": "shpss_secret-2"}, {"clientId": "client-2"}, {"shop": "other.myshopify.com"}]
)
def test_a_changed_secret_never_meets_what_the_old_one_bought(change: dict[str, str]) -> None:
    of = line(bought(1), EMPTY_LIST, bought(2), EMPTY_LIST)
    use(of)

    of.secret = {**of.secret, **change}

    assert use(of) == "shpat_bought-2"


def test_a_refused_client_is_a_refused_credential() -> None:
    refused = failure(
        json_answer(400, {"error": "invalid_client", "error_description": "Client authentication failed"})
    )

    assert isinstance(refused, ProviderRejectedCredentials)
    assert refused.problem("r")["provider"] == {
        "status": 400,
        "code": "invalid_client",
        "message": "Client authentication failed",
    }


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (answer(400, "<html>"), ProviderRejectedCredentials),
        (json_answer(400, {"error": 7}), ProviderRejectedCredentials),
        (answer(401), ProviderRejectedCredentials),
        (answer(403), ProviderRejectedCredentials),
        (answer(402), ShopUnavailable),
        (answer(423), ShopUnavailable),
        (answer(404), ProviderError),
        (answer(429, retry_after="30"), ProviderThrottled),
        (answer(302), ProviderError),
    ],
)
def test_every_other_refusal_has_its_error(said: Step, kind: type[ProviderFailure]) -> None:
    assert type(failure(said)) is kind


def test_a_refusal_of_the_purchase_passes_shopifys_words_on() -> None:
    refused = failure(json_answer(401, {"error": "unauthorized_client", "error_description": "Not this shop"}))

    assert refused.problem("r")["provider"] == {
        "status": 401,
        "code": "unauthorized_client",
        "message": "Not this shop",
    }


@pytest.mark.parametrize("status", [402, 423])
def test_a_shop_that_is_not_available_is_said_to_be_so(status: int) -> None:
    refused = failure(json_answer(status, {"error": "unavailable", "error_description": "Unavailable Shop"}))

    assert "unpaid, frozen or locked" in refused.detail
    assert refused.problem("r")["provider"] == {
        "status": status,
        "code": "unavailable",
        "message": "Unavailable Shop",
    }


@pytest.mark.parametrize(
    "said",
    [
        answer(200, "<html>Log in</html>"),
        answer(200),
        json_answer(200, []),
        json_answer(200, {}),
        bought(access_token="a b"),
        bought(access_token=7),
        bought(access_token="x" * 1024 * 1024),
        bought(expires_in="86399"),
        bought(expires_in=True),
        bought(expires_in=-1),
        bought(expires_in=0),
    ],
)
def test_a_purchase_that_lies_is_a_provider_error(said: Step) -> None:
    assert isinstance(failure(said), ProviderError)


def test_a_purchase_may_be_repeated() -> None:
    """A second one costs nothing and harms nothing."""
    of = line(Interrupted("It broke off."), answer(503), bought(), EMPTY_LIST)

    assert use(of) == "shpat_bought-1"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Interrupted("no"), ProviderUnavailable),
        (Unreachable("no"), ProviderUnavailable),
        (answer(500), ProviderUnavailable),
    ],
)
def test_a_purchase_that_fails_made_no_storefront_token(said: Step, kind: type[ProviderFailure]) -> None:
    """So there is nothing to be looked up, and no intent to be kept open."""
    of = line(*[said] * 3)

    with pytest.raises(kind) as raised:
        of.shopify.mint(of.account, MintRequest(title="T"), of.deadline)

    assert raised.value.request_outcome is RequestOutcome.NOT_APPLIED


@pytest.mark.parametrize("canary", ["client-1", "shpss_secret-1"])
def test_a_refusal_that_repeats_the_client_is_cleared_of_it(canary: str) -> None:
    refused = failure(json_answer(400, {"error": canary, "error_description": f"{canary} is wrong"}))

    assert canary not in str(refused.problem("r"))


def test_a_later_refusal_that_repeats_the_bought_token_is_cleared_of_it() -> None:
    of = line(bought(access_token="opaque"), json_answer(422, {"errors": "opaque is wrong"}))

    with pytest.raises(ProviderError) as raised:
        use(of)

    assert raised.value.problem("r")["provider"]["message"] == "[redacted] is wrong"


def test_a_create_sends_the_bought_token() -> None:
    of = line(bought(), json_answer(200, {"storefront_access_token": ENTRY}))

    of.shopify.mint(of.account, MintRequest(title="T"), of.deadline)

    assert of.transport.requests[1].headers["X-Shopify-Access-Token"] == "shpat_bought-1"
