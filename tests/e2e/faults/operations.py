"""Each operation whose calls to AWS get a fault is one row. A further operation is one more row.

`prepare` makes what the operation needs, undisturbed; the id that it gives comes back as `Scene.prepared`. `act` is the
operation itself: it can be done again and again. `check` says what must hold afterwards, beside the rules (`rules`).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.faults.harness import Bench
from tests.e2e.support.invocations import invoke
from token_broker_client import Merchant, Token, TokenBrokerError
from token_broker_client.errors import SessionClosed

#: What a caller may be told, and told clearly, while AWS fails: each of these says to come again.
CLEAR = {"storage_unavailable": 503, "mint_in_progress": 503, "provider_unavailable": 504}
#: Calls that only read: a lost answer of theirs is like any other failure.
READS = ("GetItem", "Query", "GetSecretValue")
#: How often to request what a case needs, because a busy machine can exceed the SDK's time limit.
PREPARATIONS = 3


@dataclass(frozen=True)
class HttpResponse:
    """What a caller got: an answer, or a problem's `code`."""

    body: Any = None
    code: str | None = None

    @property
    def good(self) -> bool:
        return self.code is None


@dataclass
class Scene:
    """One merchant, what was prepared, and all that callers were told."""

    bench: Bench
    merchant: str
    prepared: Any = None
    answers: list[HttpResponse] = field(default_factory=list)

    @property
    def client(self) -> Merchant:
        """Return the client's calls for the merchant."""
        return self.bench.broker.merchant(self.merchant)

    @property
    def tokens(self) -> list[Token]:
        return [answer.body for answer in self.answers if answer.good]

    @property
    def provider(self) -> str:
        states = self.bench.control.state()
        return next(name for name in ("shopify", "chicksx", "fourthwall") if self.merchant in states[name])

    @property
    def provider_state(self) -> dict[str, Any]:
        return dict(self.bench.control.state()[self.provider][self.merchant])

    def at_the_provider(self) -> set[str]:
        """Shopify's ids of the tokens alive."""
        return {str(token["id"]) for token in self.provider_state["tokens"]}

    def shop_items(self) -> dict[str, dict[str, Any]]:
        return self.bench.table.partition(f"shopify#{self.merchant}")


def nothing(_scene: Scene) -> None:
    """No preparation, or nothing to check beside the rules."""


@dataclass(frozen=True)
class Operation:
    """`calls_at_least`: fewer calls than these in an undisturbed run mean that the row tests nothing."""

    name: str
    provider: str
    act: Callable[[Scene], HttpResponse]
    calls_at_least: int
    prepare: Callable[[Scene], Any] = nothing
    check: Callable[[Scene], None] = nothing
    #: Pending work remains even if no call failed.
    leaves_more: bool = False
    #: The merchant's kind, as `Merchants.of` knows it. The default is the provider's usual one.
    kind: str = ""


def answered(call: Callable[[], Any]) -> HttpResponse:
    """Accept a result or a clear problem, and fail if the function timed out or died."""
    try:
        return HttpResponse(call())
    except TokenBrokerError as error:
        if CLEAR.get(error.code) != error.status or not error.retryable:
            raise AssertionError(str(error)) from error
        return HttpResponse(code=error.code)


def delivered(scene: Scene, function: str, body: Any) -> HttpResponse:
    """Deliver a message as its queue does, and report a failed message as unavailable storage."""
    message = {"messageId": "m-1", "body": json.dumps(body), "eventSource": "aws:sqs", "attributes": {}}
    answer, error = invoke(scene.bench.stack, function, {"Records": [message]})
    assert error is None, answer
    assert answer in ({"batchItemFailures": []}, {"batchItemFailures": [{"itemIdentifier": "m-1"}]})
    return HttpResponse(answer, code="storage_unavailable" if answer["batchItemFailures"] else None)


def current(scene: Scene) -> HttpResponse:
    return answered(lambda: scene.client.shopify.current(fresh=True))


def standing(scene: Scene) -> HttpResponse:
    return answered(lambda: scene.client.shopify.create("Kiosk"))


def standing_by_key(scene: Scene) -> HttpResponse:
    return answered(lambda: scene.client.shopify.create("Kiosk", idempotency_key="order-1"))


def listed(scene: Scene) -> HttpResponse:
    return answered(scene.client.shopify.list)


def revoke(scene: Scene) -> HttpResponse:
    return answered(lambda: scene.client.shopify.revoke(scene.prepared, foreign=True))


def an_id(act: Callable[[Scene], HttpResponse]) -> Callable[[Scene], str]:
    """Prepare by another operation, which must succeed, and give its token's id."""

    def prepare(scene: Scene) -> str:
        made = act(scene)
        assert made.good, made
        return str(made.body.token_id)

    return prepare


current_id, standing_id, keyed_id = an_id(current), an_id(standing), an_id(standing_by_key)


def _foreign(scene: Scene) -> str:
    (planted,) = (token["id"] for token in scene.provider_state["tokens"] if token["planted"])
    return str(planted)


def one_current_token(scene: Scene) -> None:
    """All callers got the same, and it is the one that is served now."""
    (value,) = {token.access_token for token in scene.tokens}
    assert scene.shop_items()["subject#shop"]["current"]["accessToken"] == value
    assert len(_ours(scene)) == 1


def as_many_as_asked_for(scene: Scene) -> None:
    """Each answer is a token of its own; beyond these there are at most those that an error was the answer to."""
    handed_out = [token.token_id for token in scene.tokens]
    assert len(set(handed_out)) == len(handed_out)
    assert set(handed_out) <= _ours(scene)
    assert len(_ours(scene)) <= len(scene.answers)


def one_token_for_the_key(scene: Scene) -> None:
    (token_id,) = {token.token_id for token in scene.tokens}
    assert _ours(scene) == {token_id}
    assert scene.prepared in (None, token_id)


def gone(scene: Scene) -> None:
    """Revoked at the provider and in our books, its value kept nowhere, and served to nobody."""
    items = scene.shop_items()
    record = items[f"token#{scene.prepared}"]
    assert (record["state"], "accessToken" in record) == ("revoked", False)
    assert scene.prepared not in scene.at_the_provider()
    assert items.get("subject#shop", {}).get("current", {}).get("tokenId") != scene.prepared
    assert not any(row.token_id == scene.prepared for row in listed(scene).body.tokens)
    assert current(scene).body.token_id != scene.prepared


def _ours(scene: Scene) -> set[str]:
    return {str(token["id"]) for token in scene.provider_state["tokens"] if not token["planted"]}


def pending_revocation(scene: Scene) -> str:
    """Create a token whose revocation the provider did not confirm."""
    token_id = standing_id(scene)
    scene.bench.control.fault("shopify", "status", status=503, method="DELETE", pathContains=token_id, times=3)
    assert not scene.client.shopify.revoke(token_id).confirmed
    scene.bench.table.bring_forward([scene.merchant])
    return token_id


def open_intent(scene: Scene) -> None:
    """Create a token at the provider that could not be stored."""
    scene.bench.proxy.fault("failed", operation="TransactWriteItems", contains=scene.merchant, times=3)
    assert answered(scene.client.shopify.current).code == "storage_unavailable"
    scene.bench.proxy.clear_faults(scene.merchant)  # of its three strikes some can be left
    assert len(scene.at_the_provider()) == 2, "the foreign one and ours"
    scene.bench.table.bring_forward([scene.merchant])


def work(scene: Scene) -> HttpResponse:
    """Deliver the merchant's work message to the worker."""
    items = sorted(sk for pk, sk in scene.bench.table.due([scene.merchant]))
    # Nothing may be due any more: then there would be no message, and the worker has nothing to do with one.
    message = {"merchant": scene.merchant, "provider": "shopify", "items": items or ["subject#shop"]}
    return delivered(scene, "lifecycle/maintain", message)


def adopted(scene: Scene) -> None:
    (ours,) = _ours(scene)
    record = scene.shop_items()[f"token#{ours}"]
    assert record["state"] == "current"
    assert current(scene).body.token_id == ours


def rotate(scene: Scene) -> HttpResponse:
    return answered(scene.client.shopify.rotate)


def rotate_compromised(scene: Scene) -> HttpResponse:
    return answered(lambda: scene.bench.direct.merchant(scene.merchant).shopify.rotate(compromised=True))


def replaced(scene: Scene) -> None:
    """Another token is current, what it replaced ends or has ended, and the wish is fulfilled."""
    items = scene.shop_items()
    states = {item["tokenId"]: item["state"] for sk, item in items.items() if sk.startswith("token#")}
    assert states.pop(items["subject#shop"]["current"]["tokenId"]) == "current"
    assert scene.prepared in states
    assert set(states.values()) <= {"retiring", "revoked"}
    assert "dueAt" not in items["rotation#shop"]


def an_overlap(scene: Scene) -> str:
    """Replace a token and move the end of its overlap into the past."""
    token_id = current_id(scene)
    assert rotate(scene).body.done
    scene.bench.table.bring_forward([scene.merchant])
    return token_id


def a_wish(scene: Scene) -> str:
    """Store a rotation request that the call could not apply, so that the worker applies it."""
    token_id = current_id(scene)
    for _ in range(PREPARATIONS):
        scene.bench.proxy.fault("failed", operation="UpdateItem", contains=scene.merchant, times=3)
        rotate(scene)
        scene.bench.proxy.clear_faults(scene.merchant)  # of its three strikes some can be left
        if "dueAt" in scene.shop_items().get("rotation#shop", {}):
            scene.bench.table.bring_forward([scene.merchant])
            return token_id
    raise AssertionError("the rotation request was not stored")


def reconcile(scene: Scene) -> HttpResponse:
    return answered(lambda: scene.client.shopify.reconcile(apply=True))


def astray(scene: Scene) -> str:
    token_id = standing_id(scene)
    table, key = scene.bench.table, {"pk": {"S": f"shopify#{scene.merchant}"}, "sk": {"S": f"token#{token_id}"}}
    table.dynamodb.delete_item(TableName=table.name, Key=key)
    return token_id


def found_again(scene: Scene) -> None:
    assert scene.shop_items()[f"token#{scene.prepared}"]["state"] == "standing"
    assert scene.prepared in scene.at_the_provider()


def access_token_ended(scene: Scene) -> None:
    assert listed(scene).good
    scene.bench.control.revoke_admin_tokens(scene.merchant)


def migrate(scene: Scene) -> HttpResponse:
    return answered(lambda: scene.client.shopify.migrate_token(f"{scene.merchant}.myshopify.com"))


def refreshed_once(scene: Scene) -> None:
    """Find one pair more than the first one, however often it was obtained, and the minted tokens."""
    assert scene.provider_state["refreshes"] == 2
    as_many_as_asked_for(scene)


def migrated_once(scene: Scene) -> None:
    assert scene.answers[-1].body.state == "done"
    assert scene.provider_state["migrations"] == 1
    assert listed(scene).good


def untold(scene: Scene) -> str:
    """Two events that the stream has told nobody of."""
    for _ in range(2):
        standing(scene)
    told = sorted(scene.bench.table.partition(f"outbox#shopify#{scene.merchant}"))
    assert len(told) == 2
    return " ".join(f"shopify#{scene.merchant}/{sk}" for sk in told)


def tell(scene: Scene) -> HttpResponse:
    answer, error = invoke(scene.bench.stack, "lifecycle/publish_events", {"events": scene.prepared.split()})
    if error is not None:
        assert error == "StorageUnavailable", answer
        return HttpResponse(code="storage_unavailable")
    return HttpResponse(answer, code="storage_unavailable" if answer["putOff"] or answer["failed"] else None)


def told(scene: Scene) -> None:
    """Nothing waits any more, and the bus was given what waited."""
    assert scene.bench.table.partition(f"outbox#shopify#{scene.merchant}") == {}
    given = [call for call in scene.bench.proxy.calls(scene.merchant) if call["operation"] == "PutEvents"]
    assert any(call["forwarded"] for call in given)


def session(scene: Scene) -> HttpResponse:
    return answered(lambda: scene.client.chicksx.token("s"))


def close(scene: Scene) -> HttpResponse:
    return answered(lambda: scene.client.chicksx.close_session("s", order_id="order-1"))


def close_by_message(scene: Scene) -> HttpResponse:
    order = {"merchant": scene.merchant, "sessionId": "s", "orderId": "order-1"}
    return delivered(scene, "chicksx/close_session", order)


def one_session_token(scene: Scene) -> None:
    """All callers got the same; ChicksX made more only for callers who were told of an error."""
    (token,) = {token.token_id for token in scene.tokens}
    items = scene.bench.table.partition(f"chicksx#{scene.merchant}#session:s")
    assert set(items) == {"subject", f"token#{token}"}
    assert scene.provider_state["mints"] <= 1 + len([answer for answer in scene.answers if not answer.good])


def closed(scene: Scene) -> None:
    mints = scene.provider_state["mints"]
    with pytest.raises(SessionClosed):
        scene.client.chicksx.token("s")
    assert scene.provider_state["mints"] == mints
    state = scene.bench.table.partition(f"chicksx#{scene.merchant}#session:s")["subject"]
    assert state["orderId"] == "order-1"
    assert "owner" not in state


def fourthwall(scene: Scene) -> HttpResponse:
    return answered(lambda: scene.client.fourthwall.current(fresh=True))


def one_fourthwall_token(scene: Scene) -> None:
    (token_id,) = {token.token_id for token in scene.tokens}
    assert scene.provider_state["token"]["fingerprint"] == token_id
    items = scene.bench.table.partition(f"fourthwall#{scene.merchant}")
    assert {sk for sk in items if not sk.startswith("mint-quota#")} == {"subject#shop", f"token#{token_id}"}
    assert items["subject#shop"]["current"]["tokenId"] == token_id


OPERATIONS = (
    Operation("the shop's first token", "shopify", current, 4, check=one_current_token),
    Operation("the shop's token", "shopify", current, 1, current, one_current_token),
    Operation("a standing token", "shopify", standing, 3, check=as_many_as_asked_for),
    Operation("a standing token by its key", "shopify", standing_by_key, 3, check=one_token_for_the_key),
    Operation("a standing token by its key again", "shopify", standing_by_key, 2, keyed_id, one_token_for_the_key),
    Operation("the list", "shopify", listed, 2, standing),
    Operation("revoking a standing token", "shopify", revoke, 3, standing_id, gone),
    Operation("revoking the current token", "shopify", revoke, 3, current_id, gone),
    Operation("revoking a foreign token", "shopify", revoke, 3, _foreign, gone),
    Operation("the worker, a revocation", "shopify", work, 2, pending_revocation, gone),
    Operation("the worker, an open intent", "shopify", work, 3, open_intent, adopted),
    Operation("a rotation", "shopify", rotate, 6, current_id, replaced),
    Operation("a rotation at once", "shopify", rotate_compromised, 6, current_id, replaced, leaves_more=True),
    Operation("the worker, a rotation", "shopify", work, 4, a_wish, replaced),
    Operation("the worker, an overlap's end", "shopify", work, 2, an_overlap, replaced),
    Operation("a reconciliation", "shopify", reconcile, 3, astray, found_again),
    Operation("a mint that refreshes", "shopify", standing, 6, access_token_ended, refreshed_once, kind="public app"),
    Operation("a migration", "shopify", migrate, 4, check=migrated_once, kind="to migrate"),
    Operation("events", "shopify", tell, 5, untold, told),
    Operation("a new session", "chicksx", session, 4, check=one_session_token),
    Operation("a session", "chicksx", session, 1, session, one_session_token),
    Operation("closing a new session", "chicksx", close, 1, check=closed),
    Operation("closing a session with a token", "chicksx", close, 1, session, closed),
    Operation("closing a session by a message", "chicksx", close_by_message, 1, session, closed),
    Operation("Fourthwall's first token", "fourthwall", fourthwall, 4, check=one_fourthwall_token),
    Operation("Fourthwall's token confirmed", "fourthwall", fourthwall, 3, fourthwall, one_fourthwall_token),
)
