"""Credentials that expire, from the function to the table, the session secret and the provider's own rules."""

import json
from typing import Any

import pytest

from tests.integration.support.functions import CURRENT, FOURTHWALL, LIST, MAINTAIN, MIGRATE, HttpResponse
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import refusing
from token_broker.aws.store.leases import LEASE
from token_broker.aws.store.records import PAIR
from token_broker.domain.token import fingerprint
from token_broker.tokens.sign_in import RETRY_AFTER

HOUR = 60 * 60
TOKEN_ENDPOINT = "/admin/oauth/access_token"  # a path, not a value


def listed(stack: Stack) -> HttpResponse:
    """Have the broker list the tokens, which always sends a request with the access token."""
    return stack.worker(LIST).api()


def migrate(stack: Stack, confirm: str = "demo.myshopify.com") -> HttpResponse:
    return stack.worker(MIGRATE).api(body={"confirm": confirm})


def counters(stack: Stack) -> tuple[int, int, int]:
    """Return how often the simulator gave a new pair, gave one again, and migrated a token."""
    state = stack.control.state()["shopify"][MERCHANT]
    return state["refreshes"], state["refreshRepeats"], state["migrations"]


def tokens_sent(stack: Stack) -> list[str]:
    """Return the fingerprints of the refresh tokens and permanent tokens that were sent, in their order."""
    bodies = [each["body"] for each in stack.asked("shopify") if each["path"] == TOKEN_ENDPOINT]
    return [(body.get("refresh_token") or body["subject_token"]).removeprefix("sha256:") for body in bodies]


def fail_grants(stack: Stack, kind: str = "status", times: int = 1, **parameters: Any) -> None:
    stack.control.fault("shopify", kind, times=times, pathContains=TOKEN_ENDPOINT, **parameters)


def pair_item(stack: Stack, provider: str = "shopify") -> dict[str, Any]:
    (item,) = [each for each in stack.items() if (each["pk"], each["sk"]) == (f"{provider}#{MERCHANT}", PAIR)]
    return item


def state_changes(stack: Stack) -> list[tuple[str, str, str]]:
    """Return (from, to, reason) of each change in the outbox."""
    details = [item["detail"] for item in stack.told() if item["type"] == "MerchantStateChanged"]
    return sorted((detail["from"], detail["to"], detail["reason"]) for detail in details)


def test_the_first_mint_stores_the_pair_that_it_uses(stack: Stack) -> None:
    secret = stack.app_merchant()

    answer = stack.worker(CURRENT).api()

    assert answer.status == 200
    assert tokens_sent(stack) == [fingerprint(secret["refreshToken"])]
    (pair,) = stack.sessions()[f"shopify/{MERCHANT}"]
    assert pair_item(stack)["versionId"] == pair["versionId"]
    (mint,) = [each for each in stack.asked("shopify") if each["path"].endswith("/graphql.json")]
    assert mint["headers"]["x-shopify-access-token"] == f"sha256:{fingerprint(pair['accessToken'])}"


@pytest.mark.parametrize("acted", [False, True])
def test_a_pair_that_could_not_be_stored_is_obtained_again(acted: bool, stack: Stack) -> None:
    stack.app_merchant()
    assert listed(stack).status == 200
    stack.later(HOUR)
    with refusing(stack.secretsmanager, "PutSecretValue", acted=acted):
        assert listed(stack).code == "storage_unavailable"
    stack.later(RETRY_AFTER)

    assert listed(stack).status == 200
    assert counters(stack) == (2, 1, 0)


def test_a_refresh_token_of_another_shop_is_refused_and_stays_with_its_shop(stack: Stack) -> None:
    own, other = stack.app_merchant(), stack.app_merchant("other", clientId="another-app")
    stack.secret("shopify", MERCHANT, json.dumps({**own, "refreshToken": other["refreshToken"]}))

    assert listed(stack).code == "reauthorization_required"
    assert stack.control.state()["shopify"]["other"]["refreshes"] == 0


@pytest.mark.parametrize("service", ["shopify", "secretsmanager", "dynamodb"])
def test_a_migration_that_ends_after_the_exchange_is_continued_by_the_worker(service: str, stack: Stack) -> None:
    stack.app_merchant(permanent=True)
    if service == "shopify":
        fail_grants(stack, "act_then_drop", times=3)
        assert migrate(stack).body.items() >= {"state": "pending", "failure": "provider_unavailable"}.items()
    elif service == "secretsmanager":
        with refusing(stack.secretsmanager, "PutSecretValue"):
            assert migrate(stack).code == "storage_unavailable"
    else:  # the second write is the one that names the pair
        with refusing(stack.dynamodb, "UpdateItem", spared=1):
            assert migrate(stack).code == "storage_unavailable"
    stack.later(LEASE + 1)

    message = {"merchant": MERCHANT, "provider": "shopify", "items": [PAIR]}
    assert stack.worker(MAINTAIN).invoke(message)["done"] == 1

    assert counters(stack)[2] == 1
    assert listed(stack).status == 200


@pytest.mark.parametrize("rotates", [False, True])
def test_fourthwalls_access_token_lives_in_memory_and_a_new_refresh_token_is_kept(rotates: bool, stack: Stack) -> None:
    fields = {"clientId": "fw-client", "clientSecret": "fw-client-secret", "refreshToken": "fwrt_of_demo"}
    stack.control.put_account("fourthwall", MERCHANT, **fields, rotatesRefreshToken=rotates)
    stack.secret("fourthwall", MERCHANT, json.dumps(fields))
    stack.secret_values |= {fields["clientSecret"], fields["refreshToken"]}
    fresh: dict[str, Any] = {"headers": {"Cache-Control": "no-cache"}}

    first = stack.worker(FOURTHWALL).api(**fresh)
    warm = stack.worker(FOURTHWALL).api(**fresh)

    assert first.status == warm.status == 200
    assert stack.control.state()["fourthwall"][MERCHANT]["refreshes"] == 1
    stack.later(5 * 60)
    assert stack.worker(FOURTHWALL).api(**fresh).status == stack.cold(FOURTHWALL).api(**fresh).status == 200
    assert len(stack.sessions().get(f"fourthwall/{MERCHANT}", [])) == (2 if rotates else 0)
    assert state_changes(stack) == []
