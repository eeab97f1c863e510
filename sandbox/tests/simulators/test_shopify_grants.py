"""Shopify's token endpoint gives expiring tokens, repeats an answer that was lost, and ends older pairs."""

import pytest

from sandbox.simulators import ControlClient, ControlError
from sandbox.tests.simulators.shopify_account import FIRST, PERMANENT, ShopifyAccount
from tests.contract.exchanges.playing import Reply

DAY = 86_400
DEAD = {"error": "invalid_request", "error_description": "This request requires an active refresh_token"}


def refused(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json()["error"]


def tokens(reply: Reply) -> tuple[str, str]:
    pair = reply.json()
    return pair["access_token"], pair["refresh_token"]


def test_a_refresh_gives_a_new_pair_and_the_old_access_token_lives_out_its_hour(shopify: ShopifyAccount) -> None:
    first = shopify.refresh(FIRST).json()
    shopify.control.advance(1800)
    second = shopify.refresh(first["refresh_token"]).json()

    assert first.keys() == {"access_token", "expires_in", "refresh_token", "refresh_token_expires_in", "scope"}
    assert (first["expires_in"], first["refresh_token_expires_in"]) == (3600, 7_776_000)
    assert [shopify.listing(each["access_token"]).status for each in (first, second)] == [200, 200]
    shopify.control.advance(1800)
    assert [shopify.listing(each["access_token"]).status for each in (first, second)] == [401, 200]
    assert shopify.state()["refreshes"] == 2


def test_a_used_refresh_token_gives_the_same_pair_until_the_new_pair_is_used(shopify: ShopifyAccount) -> None:
    lost, again = shopify.refresh(FIRST), shopify.refresh(FIRST)
    shopify.listing(again.json()["access_token"])

    assert tokens(again) == tokens(lost)
    assert (shopify.refresh(FIRST).status, shopify.refresh(FIRST).json()) == (401, DEAD)
    assert (shopify.state()["refreshes"], shopify.state()["refreshRepeats"]) == (1, 1)


def test_only_the_new_refresh_token_counts_as_use_where_the_account_says_so(shopify: ShopifyAccount) -> None:
    shopify.put(replacementUsedBy="refresh", deadRefreshAnswer="invalid_grant")
    access_token, refresh_token = tokens(shopify.refresh(FIRST))
    shopify.listing(access_token)

    assert shopify.refresh(FIRST).status == 200
    assert shopify.refresh(refresh_token).status == 200
    assert refused(shopify.refresh(FIRST)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("idle_days", "repeat_days", "status"), [(0, 29, 200), (0, 30, 401), (80, 9, 200), (80, 10, 401), (90, 0, 401)]
)
def test_a_refresh_token_ends_30_days_after_its_first_use_and_90_days_after_it_began(
    shopify: ShopifyAccount, idle_days: int, repeat_days: int, status: int
) -> None:
    shopify.control.advance(idle_days * DAY)
    shopify.refresh(FIRST)
    shopify.control.advance(repeat_days * DAY)

    assert shopify.refresh(FIRST).status == status


def test_a_migration_ends_the_permanent_token_and_repeats_its_pair_for_7_days(shopify: ShopifyAccount) -> None:
    migrated = shopify.migrate()
    shopify.control.advance(7 * DAY - 60)
    again = shopify.migrate()

    assert tokens(again) == tokens(migrated)
    assert shopify.listing(PERMANENT).status == 401
    assert (shopify.state()["migrations"], shopify.state()["pair"]["permanentRevoked"]) == (1, True)
    shopify.control.advance(60)
    assert refused(shopify.migrate()) == (400, "invalid_subject_token")


def test_a_migration_is_repeated_after_an_admin_call_but_not_after_a_refresh(shopify: ShopifyAccount) -> None:
    access_token, refresh_token = tokens(shopify.migrate())
    assert shopify.listing(access_token).status == 200
    assert shopify.migrate().status == 200
    shopify.refresh(refresh_token)

    assert refused(shopify.migrate()) == (400, "invalid_subject_token")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"expiring": "0"}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"subject_token": "another"}, "invalid_subject_token"),
    ],
)
def test_any_other_exchange_is_refused_and_the_permanent_token_stays(
    shopify: ShopifyAccount, changes: dict[str, object], error: str
) -> None:
    assert refused(shopify.migrate(**changes)) == (400, error)
    assert shopify.listing(PERMANENT).status == 200


def test_an_app_has_one_refreshable_pair_on_a_shop(shopify: ShopifyAccount) -> None:
    _, refreshed = tokens(shopify.refresh(FIRST))
    _, migrated = tokens(shopify.migrate())
    authorized = shopify.control.authorize_shopify_app("demo")

    assert [shopify.refresh(each).status for each in (FIRST, refreshed, migrated, authorized)] == [401, 401, 401, 200]


def test_an_account_that_is_put_again_keeps_its_pair_unless_it_has_another_refresh_token(
    shopify: ShopifyAccount,
) -> None:
    _, refreshed = tokens(shopify.refresh(FIRST))
    shopify.put()
    _, newest = tokens(shopify.refresh(refreshed))
    shopify.put(refreshToken="authorized-again")

    assert shopify.refresh(newest).status == 401
    assert shopify.refresh("authorized-again").status == 200


def test_a_revoked_pair_ends_with_its_access_tokens(shopify: ShopifyAccount) -> None:
    access_token, refresh_token = tokens(shopify.refresh(FIRST))
    assert shopify.control.revoke_pairs("demo") == 1

    assert shopify.listing(access_token).status == 401
    assert shopify.refresh(refresh_token).status == 401


def test_two_client_secrets_of_one_app_are_valid_during_a_rotation(shopify: ShopifyAccount) -> None:
    obtained = shopify.grant().json()["access_token"]
    shopify.put(clientSecret="new-secret", previousClientSecret="demo-secret")

    assert shopify.listing(obtained).status == 200
    assert shopify.refresh(FIRST).status == 200
    assert shopify.grant(client_secret="new-secret").status == 200
    assert refused(shopify.refresh(FIRST, client_secret="unknown")) == (400, "invalid_client")
    shopify.put(clientId="another-client")
    assert shopify.refresh(FIRST, client_id="another-client").status == 401, "another app has no part in the pair"


def test_client_credentials_are_refused_outside_the_organization(shopify: ShopifyAccount) -> None:
    shopify.put(organization="other")

    assert refused(shopify.grant()) == (400, "shop_not_permitted")
    assert shopify.refresh(FIRST).status == 200


def test_an_app_that_is_not_installed_gets_nothing(shopify: ShopifyAccount) -> None:
    shopify.put(installed=False)
    replies = [shopify.grant(), shopify.refresh(FIRST), shopify.migrate()]

    assert [refused(each) for each in replies] == [(400, "app_not_installed")] * 3
    assert shopify.listing(PERMANENT).status == 401


def test_after_the_deadline_only_the_permanent_token_is_refused(shopify: ShopifyAccount) -> None:
    shopify.put(nonExpiringTokens="refused")
    obtained = shopify.grant().json()["access_token"]
    refreshed, _ = tokens(shopify.refresh(FIRST))

    assert [shopify.listing(each).status for each in (PERMANENT, obtained, refreshed)] == [403, 200, 200]


def test_only_an_app_with_a_client_can_be_authorized(control: ControlClient) -> None:
    control.put_account("shopify", "custom", shop="custom.myshopify.com", adminAccessToken="a")

    with pytest.raises(ControlError, match="needs clientId and clientSecret"):
        control.authorize_shopify_app("custom")
