"""After a provider's 401 the secret is read again, derived credentials are dropped, and the call is tried once more."""

import pytest

from tests.fakes.provider import down
from tests.fakes.samples import minted
from tests.fakes.shopify import ENTRY, EXCHANGED, ShopifyLine
from tests.fakes.surroundings import session_stack
from tests.fakes.transport import answer, json_answer
from token_broker.domain.token import ProviderToken
from token_broker.errors import MerchantMisconfigured, ProviderRejectedCredentials, ProviderUnavailable
from token_broker.ports.provider import Account, MintRequest


def rejected() -> ProviderRejectedCredentials:
    return ProviderRejectedCredentials("No.")


def test_a_changed_secret_works_at_once() -> None:
    stack = session_stack()
    call = stack.call()
    call.account("acme")
    stack.secrets.stored["acme"] = {"key": "second-key"}

    def operation(account: Account) -> ProviderToken:
        if account.credentials["key"] != "second-key":
            raise rejected()
        return minted()

    assert call.with_credential_refresh("acme", operation) == minted()
    assert stack.secrets.fresh_reads == 1


def test_what_was_bought_with_the_refused_secret_is_thrown_away() -> None:
    stack = session_stack()
    stack.provider.script = [rejected()]

    stack.call().with_credential_refresh(
        "acme", lambda account: stack.provider.mint(account, MintRequest(), stack.call().deadline)
    )

    assert [account.credentials["key"] for account in stack.provider.forgotten] == ["first-key"]


def test_a_second_refusal_is_final() -> None:
    stack = session_stack()
    asked: list[Account] = []

    def operation(account: Account) -> ProviderToken:
        asked.append(account)
        raise rejected()

    with pytest.raises(ProviderRejectedCredentials):
        stack.call().with_credential_refresh("acme", operation)

    assert (len(asked), stack.secrets.fresh_reads) == (2, 1)


def test_no_other_failure_reads_the_secret_afresh() -> None:
    stack = session_stack()

    def operation(account: Account) -> ProviderToken:
        raise down()

    with pytest.raises(ProviderUnavailable):
        stack.call().with_credential_refresh("acme", operation)

    assert stack.secrets.reads == [("acme", False)]
    assert stack.provider.forgotten == []


def test_shopifys_bought_admin_token_is_bought_again_after_a_401() -> None:
    """It can be revoked at any time before its end."""
    line = ShopifyLine(
        json_answer(200, {"access_token": "shpat_1", "expires_in": 86399}),
        answer(401),
        json_answer(200, {"access_token": "shpat_2", "expires_in": 86399}),
        json_answer(200, {"storefront_access_token": ENTRY}),
        secret=EXCHANGED,
    )
    with pytest.raises(ProviderRejectedCredentials):
        line.shopify.mint(line.account, MintRequest(title="T"), line.deadline)

    line.shopify.invalidate_credentials(line.account)
    line.shopify.mint(line.account, MintRequest(title="T"), line.deadline)

    sent = [request.headers.get("X-Shopify-Access-Token") for request in line.transport.requests]
    assert sent == [None, "shpat_1", None, "shpat_2"]


def test_a_broken_secret_that_was_put_right_works_at_once() -> None:
    stack = session_stack()
    stack.secrets.stored["acme"] = {}
    call = stack.call()
    with pytest.raises(MerchantMisconfigured):
        call.account("acme")

    stack.secrets.stored["acme"] = {"key": "fixed"}

    assert call.account("acme").credentials["key"] == "fixed"


def test_a_secret_that_is_still_broken_is_read_afresh_just_once() -> None:
    stack = session_stack()
    stack.secrets.stored["acme"] = {}

    with pytest.raises(MerchantMisconfigured):
        stack.call().account("acme")

    assert stack.secrets.fresh_reads == 1


def test_a_secret_that_was_broken_while_it_was_refused_is_said_to_be_and_read_just_once_more() -> None:
    stack = session_stack()
    asked: list[Account] = []

    def operation(account: Account) -> ProviderToken:
        asked.append(account)
        stack.secrets.stored["acme"] = {}
        raise rejected()

    with pytest.raises(MerchantMisconfigured):
        stack.call().with_credential_refresh("acme", operation)

    assert (len(asked), stack.secrets.fresh_reads) == (1, 1)
