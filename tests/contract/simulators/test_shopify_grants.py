"""Shopify's token endpoint gives expiring tokens, repeats an answer that was lost, and ends older pairs."""

import json
from typing import Any

import pytest

from sandbox.simulators import Addresses, ControlClient, ControlError
from tests.contract.exchanges.playing import Reply, send

DAY = 86_400
PERMANENT = "demo-permanent"
FIRST = "demo-refresh"
CLIENT = {"client_id": "demo-client", "client_secret": "demo-secret"}
ACCOUNT = {
    "shop": "demo.myshopify.com",
    "adminAccessToken": PERMANENT,
    "clientId": "demo-client",
    "clientSecret": "demo-secret",
    "refreshToken": FIRST,
}
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
DEAD = {"error": "invalid_request", "error_description": "This request requires an active refresh_token"}


class Endpoint:
    """The token endpoint and the Admin API of one account."""

    def __init__(self, base: str, control: ControlClient) -> None:
        self.base = base
        self.control = control
        self.put()

    def put(self, **changes: object) -> None:
        self.control.put_account("shopify", "demo", **ACCOUNT | changes)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.control.state()["shopify"]["demo"]
        return state

    def grant(self, grant_type: str, host: str | None = None, **fields: object) -> Reply:
        headers = {"Content-Type": "application/json", **({"Host": host} if host else {})}
        body = json.dumps({**CLIENT, "grant_type": grant_type, **fields}).encode()
        return send(self.base, "POST", "/admin/oauth/access_token", headers=headers, body=body)

    def refresh(self, refresh_token: object, **fields: Any) -> Reply:
        return self.grant("refresh_token", refresh_token=refresh_token, **fields)

    def migrate(self, **changes: object) -> Reply:
        wanted = {"subject_token": PERMANENT, "subject_token_type": OFFLINE, "requested_token_type": OFFLINE}
        grant_type = "urn:ietf:params:oauth:grant-type:token-exchange"
        return self.grant(grant_type, None, **{**wanted, "expiring": "1", **changes})

    def admin_status(self, token: str) -> int:
        path = "/admin/api/2026-10/storefront_access_tokens.json"
        return send(self.base, "GET", path, headers={"X-Shopify-Access-Token": token}).status


@pytest.fixture
def shopify(simulators: Addresses, control: ControlClient) -> Endpoint:
    return Endpoint(simulators["shopify"], control)


def refused(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json()["error"]


def tokens(reply: Reply) -> tuple[str, str]:
    pair = reply.json()
    return pair["access_token"], pair["refresh_token"]


def test_a_refresh_gives_a_new_pair_and_the_old_access_token_lives_out_its_hour(shopify: Endpoint) -> None:
    first = shopify.refresh(FIRST).json()
    shopify.control.advance(1800)
    second = shopify.refresh(first["refresh_token"]).json()

    assert first.keys() == {"access_token", "expires_in", "refresh_token", "refresh_token_expires_in", "scope"}
    assert (first["expires_in"], first["refresh_token_expires_in"]) == (3600, 7_776_000)
    assert [shopify.admin_status(each["access_token"]) for each in (first, second)] == [200, 200]
    shopify.control.advance(1800)
    assert [shopify.admin_status(each["access_token"]) for each in (first, second)] == [401, 200]
    assert shopify.state()["refreshes"] == 2


def test_a_used_refresh_token_gives_the_same_pair_until_the_new_pair_is_used(shopify: Endpoint) -> None:
    lost = shopify.refresh(FIRST)
    again = shopify.refresh(FIRST)
    shopify.admin_status(again.json()["access_token"])

    assert tokens(again) == tokens(lost)
    assert (shopify.refresh(FIRST).status, shopify.refresh(FIRST).json()) == (401, DEAD)
    assert (shopify.state()["refreshes"], shopify.state()["refreshRepeats"]) == (1, 1)


def test_only_the_new_refresh_token_counts_as_use_where_the_account_says_so(shopify: Endpoint) -> None:
    shopify.put(replacementUsedBy="refresh", deadRefreshAnswer="invalid_grant")
    access_token, refresh_token = tokens(shopify.refresh(FIRST))
    shopify.admin_status(access_token)

    assert shopify.refresh(FIRST).status == 200
    assert shopify.refresh(refresh_token).status == 200
    assert refused(shopify.refresh(FIRST)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("idle_days", "repeat_days", "status"), [(0, 29, 200), (0, 30, 401), (80, 9, 200), (80, 10, 401)]
)
def test_a_repeat_ends_30_days_after_the_first_use_and_90_days_after_the_token_began(
    shopify: Endpoint, idle_days: int, repeat_days: int, status: int
) -> None:
    shopify.control.advance(idle_days * DAY)
    shopify.refresh(FIRST)
    shopify.control.advance(repeat_days * DAY)

    assert shopify.refresh(FIRST).status == status


def test_a_refresh_token_dies_after_90_idle_days(shopify: Endpoint) -> None:
    shopify.control.advance(90 * DAY)

    assert shopify.refresh(FIRST).status == 401
    assert shopify.state()["pair"] is None


def test_a_migration_ends_the_permanent_token_and_repeats_its_pair_for_7_days(shopify: Endpoint) -> None:
    migrated = shopify.migrate()
    shopify.control.advance(7 * DAY - 60)
    again = shopify.migrate()

    assert tokens(again) == tokens(migrated)
    assert shopify.admin_status(PERMANENT) == 401
    assert (shopify.state()["migrations"], shopify.state()["pair"]["permanentRevoked"]) == (1, True)
    shopify.control.advance(60)
    assert refused(shopify.migrate()) == (400, "invalid_subject_token")


def test_a_migration_is_repeated_after_an_admin_call_but_not_after_a_refresh(shopify: Endpoint) -> None:
    access_token, refresh_token = tokens(shopify.migrate())
    assert shopify.admin_status(access_token) == 200
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
    shopify: Endpoint, changes: dict[str, object], error: str
) -> None:
    assert refused(shopify.migrate(**changes)) == (400, error)
    assert shopify.admin_status(PERMANENT) == 200


def test_an_app_has_one_refreshable_pair_on_a_shop(shopify: Endpoint) -> None:
    _, refreshed = tokens(shopify.refresh(FIRST))
    _, migrated = tokens(shopify.migrate())
    authorized = shopify.control.authorize_shopify_app("demo")

    assert [shopify.refresh(each).status for each in (FIRST, refreshed, migrated, authorized)] == [401, 401, 401, 200]


def test_an_account_that_is_put_again_keeps_its_pair_unless_it_has_another_refresh_token(shopify: Endpoint) -> None:
    _, refreshed = tokens(shopify.refresh(FIRST))
    shopify.put()
    _, newest = tokens(shopify.refresh(refreshed))
    shopify.put(refreshToken="authorized-again")

    assert shopify.refresh(newest).status == 401
    assert shopify.refresh("authorized-again").status == 200


def test_a_revoked_pair_ends_with_its_access_tokens(shopify: Endpoint) -> None:
    access_token, refresh_token = tokens(shopify.refresh(FIRST))
    assert shopify.control.revoke_pairs("demo") == 1

    assert shopify.admin_status(access_token) == 401
    assert shopify.refresh(refresh_token).status == 401


def test_a_refresh_token_belongs_to_its_shop(shopify: Endpoint) -> None:
    other = ACCOUNT | {"shop": "other.myshopify.com", "adminAccessToken": "other", "refreshToken": "other-refresh"}
    shopify.control.put_account("shopify", "other", **other)

    assert shopify.refresh("other-refresh", host="demo.myshopify.com").status == 401
    assert shopify.refresh("other-refresh", host="other.myshopify.com").status == 200


def test_two_client_secrets_are_valid_during_a_rotation(shopify: Endpoint) -> None:
    obtained = shopify.grant("client_credentials").json()["access_token"]
    shopify.put(clientSecret="new-secret", previousClientSecret="demo-secret")

    assert shopify.admin_status(obtained) == 200
    assert shopify.refresh(FIRST).status == 200
    assert shopify.grant("client_credentials", client_secret="new-secret").status == 200
    assert refused(shopify.refresh(FIRST, client_secret="unknown")) == (400, "invalid_client")


def test_another_client_id_ends_the_pair(shopify: Endpoint) -> None:
    shopify.put(clientId="another-client")

    assert shopify.refresh(FIRST, client_id="another-client").status == 401


def test_client_credentials_are_refused_outside_the_organization(shopify: Endpoint) -> None:
    shopify.put(organization="other")

    assert refused(shopify.grant("client_credentials")) == (400, "shop_not_permitted")
    assert shopify.refresh(FIRST).status == 200


def test_an_app_that_is_not_installed_gets_nothing(shopify: Endpoint) -> None:
    shopify.put(installed=False)
    replies = [shopify.grant("client_credentials"), shopify.refresh(FIRST), shopify.migrate()]

    assert [refused(each) for each in replies] == [(400, "app_not_installed")] * 3
    assert shopify.admin_status(PERMANENT) == 401


def test_after_the_deadline_only_the_permanent_token_is_refused(shopify: Endpoint) -> None:
    shopify.put(nonExpiringTokens="refused")
    obtained = shopify.grant("client_credentials").json()["access_token"]
    refreshed, _ = tokens(shopify.refresh(FIRST))

    assert [shopify.admin_status(each) for each in (PERMANENT, obtained, refreshed)] == [403, 200, 200]


def test_an_answer_of_the_token_endpoint_can_be_lost_or_changed(shopify: Endpoint) -> None:
    fault = {"pathContains": "/admin/oauth/access_token"}
    shopify.control.fault("shopify", "status", status=520, body="<html>", act=True, **fault)
    shopify.control.fault("shopify", "answer_override", patch={"expires_in": None}, **fault)

    assert shopify.refresh(FIRST).status == 520
    assert "expires_in" not in shopify.refresh(FIRST).json()
    assert shopify.state()["refreshRepeats"] == 1


def test_the_request_log_hides_refresh_and_subject_tokens(shopify: Endpoint) -> None:
    shopify.refresh(FIRST)
    shopify.migrate()

    seen = json.dumps(shopify.control.requests("shopify"))
    assert FIRST not in seen
    assert PERMANENT not in seen


def test_only_an_app_with_a_client_can_be_authorized(control: ControlClient) -> None:
    control.put_account("shopify", "custom", shop="custom.myshopify.com", adminAccessToken="a")

    with pytest.raises(ControlError, match="needs clientId and clientSecret"):
        control.authorize_shopify_app("custom")
