"""The broker in memory, used as users' tests use it."""

from typing import Any

import pytest

from token_broker_client import Merchant, TokenBroker, errors
from token_broker_client.models import RotationSettings
from token_broker_client.testing import FakeTransport


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakeTransport:
    return FakeTransport(clock=clock)


@pytest.fixture
def acme(fake: FakeTransport) -> Merchant:
    return TokenBroker(fake, attempts=1).merchant("acme")


def test_the_current_token_stays(acme: Merchant, fake: FakeTransport) -> None:
    assert acme.shopify.current() == acme.shopify.current(fresh=True)
    assert acme.fourthwall.current().provider == "fourthwall"
    assert acme.shopify.current().token_id != acme.fourthwall.current().token_id
    assert TokenBroker(fake).merchant("other").shopify.current().merchant == "other"


def test_a_key_belongs_to_one_token(acme: Merchant) -> None:
    token = acme.shopify.create("Blog", idempotency_key="k-1")
    assert acme.shopify.create("Blog", idempotency_key="k-1") == token
    with pytest.raises(errors.Conflict):
        acme.shopify.create("Shop", idempotency_key="k-1")
    acme.shopify.revoke(token.token_id)
    with pytest.raises(errors.Conflict):
        acme.shopify.create("Blog", idempotency_key="k-1")


def test_a_revoked_token_is_not_served(acme: Merchant) -> None:
    token = acme.shopify.current()
    assert acme.shopify.revoke(token.token_id).confirmed
    assert acme.shopify.revoke(token.token_id).confirmed
    record = acme.shopify.record(token.token_id)
    assert (record.state, record.access_token, [line.after for line in record.history]) == (
        "revoked",
        None,
        ["current", "revoked"],
    )
    assert acme.shopify.current().token_id != token.token_id
    with pytest.raises(errors.TokenNotFound):
        acme.shopify.record("7")


def test_a_rotation_is_joined_for_a_minute(acme: Merchant, clock: Clock) -> None:
    old = acme.shopify.current()
    rotation = acme.shopify.rotate()
    assert rotation.done
    assert rotation.overlap_ends_at == 1000 + 7 * 86_400
    assert acme.shopify.rotate().rotation_id == rotation.rotation_id
    assert acme.shopify.rotate(compromised=True).rotation_id != rotation.rotation_id
    clock.now += 61
    assert acme.shopify.rotate().rotation_id != rotation.rotation_id
    assert acme.shopify.record(old.token_id).state == "retiring"
    clock.now += 7 * 86_400
    assert acme.shopify.record(old.token_id).state == "revoked"
    assert acme.shopify.reconcile().used == len(acme.shopify.list().tokens)


def test_settings_and_policies_have_revisions(acme: Merchant) -> None:
    assert acme.shopify.rotation_settings() == RotationSettings()
    stored = acme.shopify.set_rotation_settings(RotationSettings(max_age_days=90), only_new=True)
    assert (stored.max_age_days, stored.revision) == (90, 1)
    with pytest.raises(errors.PreconditionFailed):
        acme.shopify.set_rotation_settings(RotationSettings(), if_revision=7)

    with pytest.raises(errors.TrustPolicyNotFound):
        acme.trust_policy.get()
    document: dict[str, Any] = {"version": 1, "origins": ["https://shop.example"]}
    assert acme.trust_policy.put(document, only_new=True).revision == 1
    assert acme.trust_policy.put(document, only_new=True).revision == 1
    with pytest.raises(errors.PreconditionFailed):
        acme.trust_policy.put({**document, "origins": []}, only_new=True)
    assert acme.trust_policy.get().document == document
    assert acme.trust_policy.delete(if_revision=1)
    assert not acme.trust_policy.delete()


def test_a_preview_origin_ends_by_itself_or_with_the_policy(acme: Merchant, clock: Clock) -> None:
    document: dict[str, Any] = {"version": 1, "origins": ["https://shop.example"]}
    with pytest.raises(errors.TrustPolicyNotFound):
        acme.preview_origins.allow("https://pr-1.example", expires_in=3600)
    acme.trust_policy.put(document)
    acme.preview_origins.allow("https://pr-1.example", expires_in=7200)
    assert acme.preview_origins.allow("https://pr-2.example", expires_in=3600).expires_at == 4600
    assert [each.origin for each in acme.preview_origins.list()] == ["https://pr-2.example", "https://pr-1.example"]
    clock.now += 3600
    assert [each.origin for each in acme.preview_origins.list()] == ["https://pr-1.example"]
    assert not acme.preview_origins.remove("https://pr-2.example")
    acme.trust_policy.put({**document, "origins": []})
    assert acme.preview_origins.remove("https://pr-1.example")
    acme.preview_origins.allow("https://pr-1.example", expires_in=3600)
    acme.trust_policy.delete()
    acme.trust_policy.put(document)
    assert acme.preview_origins.list() == ()


def test_a_session_closes_for_ever(acme: Merchant, clock: Clock) -> None:
    first = acme.chicksx.token("s-1", scope=["wallet.read"])
    assert (first.subject, first.scope, first.expires_at) == ("session:s-1", ("wallet.read",), 4600)
    assert acme.chicksx.token("s-1") == first
    clock.now += 3600
    assert acme.chicksx.token("s-1") != first
    closed = acme.chicksx.close_session("s-1", order_id=7)
    assert (closed.closed_at, closed.order_id) == (4600, "7")
    assert acme.chicksx.close_session("s-1", order_id=8) == closed
    with pytest.raises(errors.SessionClosed):
        acme.chicksx.token("s-1")


def test_a_failure_happens_as_often_as_asked(acme: Merchant, fake: FakeTransport) -> None:
    fake.fail("shopify/rotate", errors.ProviderUnavailable("No.", retryable=True), times=2)
    for _ in range(2):
        with pytest.raises(errors.ProviderUnavailable):
            acme.shopify.rotate()
    assert acme.shopify.rotate().done
    assert [name for name, _ in fake.calls] == ["shopify/rotate"] * 3


def test_a_lost_answer_was_carried_out(acme: Merchant, fake: FakeTransport) -> None:
    fake.lose_answer("shopify/create_storefront_access_token")
    with pytest.raises(errors.ConnectionFailed):
        acme.shopify.create("Blog", idempotency_key="k-1")
    assert [token.title for token in acme.shopify.list().tokens] == ["Blog"]


def test_each_method_of_the_rest_answers(acme: Merchant) -> None:
    assert acme.fourthwall.rotate().rotation == acme.chicksx.rotate().rotation == "unsupported"
    assert acme.shopify.migrate_token("acme.example").shop == "acme.example"
