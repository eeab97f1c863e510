"""Show that stored items are compatible in both directions, by items that versions have written.

After a change of the stored items that is on purpose, record those of this version beside the others:

    TOKEN_BROKER_RECORD=1 .venvs/dev/bin/python -m pytest tests/integration/store/test_recorded_items.py
"""

import hashlib
import json
import os
import sys
from collections import Counter
from copy import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.trust_policies import hs256, oidc, policy, sessions
from tests.integration.support.store_harness import (
    ANN,
    DAY,
    MERCHANT,
    NOW_S,
    StoreBench,
    session_token,
    shop_token,
    there,
)
from token_broker import __version__
from token_broker.aws.store.attributes import unwrap_all
from token_broker.aws.store.due_index import DynamoDueIndex
from token_broker.aws.store.leases import LEASE
from token_broker.aws.store.outbox import DynamoOutbox
from token_broker.aws.store.outbox_items import PREFIX, name_of
from token_broker.aws.store.policies import DynamoPolicies
from token_broker.domain.credential_pair import MerchantState, PairLease, PairRecord, StateReason
from token_broker.domain.events import MEMBERS, merchant_state_changed, token_limit_near
from token_broker.domain.leases import IdempotentReplay, MintLease, SubjectState
from token_broker.domain.pending import Reconciliation, SettingsCheck
from token_broker.domain.rotation import Rotation, RotationSettings, Succession
from token_broker.domain.token import SHOP, Change, Origin, Reason, State, Token, Use, session_subject
from token_broker.errors import RequestOutcome
from token_broker.ports.documents import Revisioned

FOLDER = Path(__file__).parent / "recorded_items"
RECORDED = sorted(FOLDER.glob("*.json"), key=lambda path: [int(part) for part in path.stem.split(".")])
#: Merchants whose items are in other states than those of `MERCHANT`.
TROUBLED, COMPROMISED, FAILED = "bravo", "charlie", "delta"
BY_ANN = Change(ANN, Reason.REQUESTED)
RECONCILED, LOST = Change("clock", Reason.RECONCILED), Change("clock", Reason.LOST)
SCOPE = "unauthenticated_read_product_listings", "unauthenticated_write_checkouts"
KEY: dict[str, Any] = {"key_id": "k" * 26, "body_hash": "5" * 64}
SETTINGS = RotationSettings(max_age=90 * DAY, overlap=14 * DAY)
SCHEDULE = Revisioned(SETTINGS, revision=1, changed_by=ANN, due_at=NOW_S)
PAUSED = SCHEDULE._replace(document=RotationSettings(overlap=7 * DAY, paused=True), due_at=None)
PROOFS = hs256(sessionClaim="sid"), oidc(claims={"shop": "acme", "level": 2, "share": 0.5, "verified": True})
POLICY = policy(anonymous=["fourthwall/public-token"], sessions=sessions(*PROOFS))


def shopify(token_id: str, state: State = State.STANDING, merchant: str = MERCHANT, **changes: Any) -> Token:
    """Return a token with every member that Shopify's have."""
    data = {"admin_graphql_api_id": f"gid://shopify/StorefrontAccessToken/{token_id}"}
    account: dict[str, Any] = {"account_id": f"{merchant}.myshopify.com", "scope": SCOPE, "provider_data": data}
    return replace(shop_token(token_id, state=state, merchant=merchant, requested_by=ANN, **account), **changes)


def fourthwall(token_id: str) -> Token:
    """Return a token without any optional member."""
    return shop_token(token_id, provider="fourthwall", title=None, scope=())


def chicksx(number: int) -> Token:
    """Return the token of the session with that number."""
    subject, data = session_subject(f"s-{number}"), {"expiresIn": 3600}
    token = session_token(f"jti-{number}", subject=subject, requested_scope=("wallet.read",), provider_data=data)
    return replace(token, use=Use("sdk", "authenticationToken"))


class Scenario:
    """Writes every kind of stored item, with all of its members. Each step is a second after the one before."""

    def __init__(self, bench: StoreBench) -> None:
        self.bench, self.clock = bench, bench.clock
        self.table = bench.table()
        self.committed: Counter[str] = Counter()
        self.shopify, self.fourthwall, self.chicksx = map(bench.store, ("shopify", "fourthwall", "chicksx"))

    def write(self) -> None:
        self.write_tokens()
        self.write_work()
        self.write_fourthwall_and_chicksx()
        self.write_others()
        self.write_pairs()
        self.bench.limited(120).store().mint_quotas.take(MERCHANT)

    def tick(self) -> int:
        self.clock.advance(1)
        return int(self.clock.now())

    def begun(self, token: Token, **changes: Any) -> MintLease:
        """Begin to mint the token, with an intent that is named after it."""
        self.tick()
        # DynamoDB remembers the owner of a committed mint as the id of a transaction: the next mint needs another one.
        again = "-again" * self.committed[token.token_id]
        known = {
            "owner": f"owner-of-{token.token_id}{again}",
            "merchant": token.merchant,
            "subject": token.subject,
            "intent_id": token.token_id.rjust(26, "i"),
            "title": token.title,
            "findable": token.provider == "shopify",
            "account_id": token.account_id,
        }
        wanted = self.bench.request(**{**known, **changes})
        store = self.bench.store(token.provider)
        current, state = token.state is State.CURRENT, store.leases.state(token.merchant, token.subject)
        lease = store.leases.acquire(wanted, state) if current else store.leases.acquire_standing(wanted)
        assert isinstance(lease, MintLease)
        return lease

    def issued(self, token: Token, succession: Succession | None = None, **changes: Any) -> Token:
        """Mint and commit the token."""
        lease = self.begun(token, **changes)
        self.tick()
        self.bench.store(token.provider).leases.commit(lease, token, replaced=succession)
        self.committed[token.token_id] += 1
        self.tick()
        return token

    def requested(self, merchant: str, replaces: str | None = None, *, compromised: bool = False) -> Rotation:
        """Request a rotation."""
        name, requested_at, due_at = f"rotation-of-{merchant}", self.tick(), self.tick() + LEASE
        wanted = Rotation(merchant, name, replaces, compromised, ANN, requested_at, due_at)
        assert self.shopify.rotations.request(wanted, self.shopify.leases.state(merchant, SHOP), None)
        self.tick()
        return wanted

    def watched(self, merchant: str) -> Reconciliation:
        """Have the merchant's tokens compared with the provider's list."""
        self.shopify.reconciliations.schedule(merchant, self.tick())
        return there(self.shopify.reconciliations.get(merchant))

    def write_tokens(self) -> None:
        """Write shop-wide tokens in every state, and their rotations."""
        store = self.shopify
        first = self.issued(shopify("1001", State.CURRENT))
        rotation = self.requested(MERCHANT, "1001")
        until, rotation_id = NOW_S + 7 * DAY, rotation.rotation_id
        retiring = Succession(previous=first, state=State.RETIRING, until=until, rotation_id=rotation_id)
        self.issued(shopify("2002", State.CURRENT), retiring)
        store.rotations.end(rotation)
        self.begun(shopify("2003", State.CURRENT))
        self.issued(shopify("3003", requested_scope=("read",)), **KEY)
        for token_id in ("4004", "5005", "5006"):
            store.tokens.mark_revoking(self.issued(shopify(token_id)), BY_ANN, ask_from=NOW_S + DAY)
        store.schedule.reschedule(
            there(store.tokens.pending_revocation(MERCHANT, "4004")), NOW_S + 2 * DAY, failure="provider_unavailable"
        )
        for token_id in ("5005", "5006"):
            self.tick()
            store.tokens.mark_revoked(shopify(token_id), BY_ANN)
        for token_id in ("6006", "6007"):
            assert store.corrections.mark_lost(self.issued(shopify(token_id)), LOST)
        self.tick()
        assert store.corrections.revoke_again(shopify("5006", State.REVOKED), RECONCILED)
        assert store.corrections.restore(shopify("6007", State.LOST), "value-of-6007", RECONCILED)
        store.tokens.mark_revoking(shopify("7007", origin=Origin.FOREIGN), BY_ANN)
        assert store.corrections.adopt(shopify("8008"), RECONCILED)
        first = self.issued(shopify("1001", State.CURRENT, COMPROMISED))
        rotation_id = self.requested(COMPROMISED, "1001", compromised=True).rotation_id
        revoking = Succession(previous=first, state=State.REVOKING, until=NOW_S + DAY, rotation_id=rotation_id)
        self.issued(shopify("2002", State.CURRENT, COMPROMISED), revoking)

    def write_work(self) -> None:
        """Write work for the scheduler: planned, failed and due again, and left open by its holder."""
        store = self.shopify
        assert store.rotation_settings.replace(MERCHANT, SCHEDULE, expected=0)
        due = SettingsCheck(MERCHANT, SETTINGS, SCHEDULE.revision, SCHEDULE.due_at)
        store.schedule.reschedule(due, NOW_S + 90 * DAY)
        near = token_limit_near("shopify", MERCHANT, used=90, limit=100, at=self.tick())
        store.reconciliations.complete(self.watched(MERCHANT), NOW_S + DAY, NOW_S + 1, near)
        store.leases.release(self.begun(shopify("1001", State.CURRENT, TROUBLED)), RequestOutcome.UNKNOWN)
        self.begun(shopify("3003", merchant=TROUBLED), **KEY, owner="owner-of-3003")
        left_open = self.begun(shopify("3004", merchant=TROUBLED), title=None, requested_by="", account_id="")
        self.clock.advance(LEASE)
        expired = there(store.leases.acquire_expired(TROUBLED, left_open.standing_id, "worker"))
        store.schedule.reschedule(expired, NOW_S + DAY, failure="provider_unavailable")
        store.schedule.reschedule(self.requested(TROUBLED), NOW_S + DAY, failure="provider_unavailable")
        assert store.rotation_settings.replace(TROUBLED, PAUSED, expected=0)
        store.schedule.reschedule(self.watched(TROUBLED), NOW_S + DAY, failure="provider_unavailable")
        store.reconciliations.cancel(self.watched(COMPROMISED))
        store.rotations.end(self.requested(FAILED), "token_limit_reached")

    def write_fourthwall_and_chicksx(self) -> None:
        """Write two tokens of Fourthwall, of which the first one comes back, and six sessions.

        Session 1 is open with a token, 2 and 3 are closed, 4 is minting, 5 and 6 have open intents.
        """
        first, second = self.issued(fourthwall("fw-1")), fourthwall("fw-2")
        self.issued(second, Succession(previous=first, state=State.LOST))
        self.issued(first, Succession(previous=second, state=State.LOST))
        self.fourthwall.leases.confirm(self.begun(first))
        self.issued(chicksx(1))
        self.chicksx.sessions.close(MERCHANT, self.issued(chicksx(2)).subject, "order-1")
        self.chicksx.sessions.close(MERCHANT, chicksx(3).subject, None)
        self.begun(chicksx(4))
        self.chicksx.leases.release(self.begun(chicksx(5)), RequestOutcome.IN_FLIGHT)
        self.chicksx.leases.release(self.begun(chicksx(6)), RequestOutcome.UNKNOWN)

    def write_others(self) -> None:
        policies = DynamoPolicies(self.table, self.clock)
        put: Revisioned[Any] = Revisioned(document=POLICY, revision=1, changed_by=ANN)
        for merchant in (MERCHANT, TROUBLED):
            assert policies.replace(merchant, put, expected=0)
        assert policies.replace(TROUBLED, put._replace(document=None, revision=2), expected=1)
        self.shopify.tokens.broker_id()
        outbox = DynamoOutbox(self.table)
        (near,) = [item for item in self.bench.outbox() if item["type"] == "TokenLimitNear"]
        outbox.reschedule(there(outbox.read(name_of("shopify", MERCHANT, near["sk"]))), NOW_S + DAY)

    def write_pairs(self) -> None:
        """Write the pair of one merchant, a refused one, a migration in progress, and one that has failed before."""
        store, pairs = self.shopify, self.shopify.pairs
        assert pairs.commit(self.renewing(MERCHANT), "version-1", "origin-1", NOW_S + 30 * DAY, None)
        active, required = MerchantState.ACTIVE, MerchantState.REAUTHORIZATION_REQUIRED
        reason, at = StateReason.REFRESH_TOKEN_REFUSED, self.tick()
        event = merchant_state_changed("shopify", TROUBLED, before=active, after=required, reason=reason, at=at)
        assert pairs.commit(self.renewing(TROUBLED), "version-2", "origin-2", NOW_S + 30 * DAY, None)
        assert pairs.refuse(self.renewing(TROUBLED), "secret-2", NOW_S + DAY, event)
        self.renewing(COMPROMISED, migrate="origin-3")
        pairs.release(self.renewing(FAILED, migrate="origin-3"), self.tick())
        store.schedule.reschedule(pairs.get(FAILED), NOW_S + DAY, failure="provider_unavailable")

    def renewing(self, merchant: str, *, migrate: str = "") -> PairLease:
        """Acquire the lease to renew the merchant's pair."""
        self.tick()
        pairs = self.shopify.pairs
        return there(pairs.acquire(pairs.get(merchant), f"renewal-of-{merchant}", migrate=migrate))


def members(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return each member of each item by its name, so that a comparison names what was added."""
    return {f"{item['pk']['S']} {item['sk']['S']} {name}": item[name] for item in items for name in item}


@pytest.fixture(params=RECORDED, ids=lambda path: path.stem)
def recorded(request: pytest.FixtureRequest, bench: StoreBench) -> Scenario:
    """Return the stores on a table with the items that a version has written, a while later."""
    for item in json.loads(request.param.read_text()):
        bench.dynamodb.put_item(TableName=bench.table_name, Item=item)
    bench.clock.advance(1000)
    return Scenario(bench)


def test_this_version_writes_what_the_version_before_can_read(
    bench: StoreBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version before wrote the newest recorded items, and its tests below read them. So it reads what is equal."""
    drawn: Counter[float] = Counter()
    real = os.urandom

    def urandom(size: int) -> bytes:
        """Return the product's next id of this second, and random bytes to anybody else."""
        if not sys._getframe(1).f_globals["__name__"].startswith("token_broker"):  # noqa: SLF001
            return real(size)
        now = bench.clock.now()
        drawn[now] += 1
        return hashlib.sha256(f"{now} {drawn[now]}".encode()).digest()[:size]

    monkeypatch.setattr(os, "urandom", urandom)
    Scenario(bench).write()

    page = bench.dynamodb.scan(TableName=bench.table_name, ConsistentRead=True)
    written = sorted(page["Items"], key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
    if os.environ.get("TOKEN_BROKER_RECORD"):
        lines = ",\n".join(json.dumps(item, sort_keys=True) for item in written)
        (FOLDER / f"{__version__}.json").write_text(f"[\n{lines}\n]\n")
    assert members(written) == members(json.loads(RECORDED[-1].read_text()))


def test_what_is_served_is_read(recorded: Scenario) -> None:
    read = recorded.shopify.leases.state
    assert read(MERCHANT, SHOP) == SubjectState(
        token=shopify("2002", State.CURRENT),
        checked_at=NOW_S + 8,
        fence=5,
        lease_expires_at=NOW_S + 50,
        has_open_intent=True,
    )
    assert read(TROUBLED, SHOP) == SubjectState(fence=1, has_open_intent=True)
    assert recorded.fourthwall.leases.state(MERCHANT, SHOP).token == fourthwall("fw-1")
    found = [recorded.chicksx.leases.state(MERCHANT, chicksx(number).subject) for number in range(1, 7)]
    assert [each.token for each in found] == [chicksx(1), chicksx(2), None, None, None, None]
    assert [each.closed for each in found] == [False, True, True, False, False, False]
    assert [each.has_open_intent for each in found] == [False, False, False, True, True, True]
    assert [each.lease_expires_at > NOW_S for each in found] == [False, False, False, True, True, False]


def test_every_record_is_read(recorded: Scenario) -> None:
    store, key_token = recorded.shopify, shopify("3003", requested_scope=("read",))
    records = {token.token_id: token for token in store.tokens.all(MERCHANT)}
    assert [f"{token_id} {token.state}" for token_id, token in records.items()] == [
        *("1001 retiring", "2002 current", "3003 standing", "4004 revoking", "5005 revoked", "5006 revoking"),
        *("6006 lost", "6007 standing", "7007 revoking", "8008 standing"),
    ]
    assert records["3003"] == key_token
    assert records["7007"] == replace(shopify("7007", State.REVOKING, origin=Origin.FOREIGN), access_token=None)
    lines = records["5006"].history
    assert [line.after for line in lines] == ["standing", "revoking", "revoked", "revoking"]
    assert [line.reason for line in lines] == ["minted", "requested", "requested", "reconciled"]
    pending = there(store.tokens.pending_revocation(MERCHANT, "4004"))
    assert (pending.since, pending.due_at, pending.tries) == (NOW_S + 16, NOW_S + 2 * DAY, 1)
    assert pending.reason is BY_ANN.reason
    assert there(store.tokens.pending_revocation(COMPROMISED, "1001")).reason is Reason.COMPROMISED
    assert store.leases.acquire_standing(recorded.bench.request("another", **KEY)) == IdempotentReplay(key_token)


def test_every_kind_of_scheduled_work_is_read(recorded: Scenario) -> None:
    store = recorded.shopify
    rotations = [there(store.rotations.get(merchant)) for merchant in (MERCHANT, TROUBLED, COMPROMISED, FAILED)]
    assert [(each.replaces, each.compromised, each.open, each.tries, each.failure) for each in rotations] == [
        ("1001", False, False, 0, None),
        (None, False, True, 1, "provider_unavailable"),
        ("1001", True, True, 0, None),
        (None, False, False, 0, "token_limit_reached"),
    ]
    assert {each.requested_by for each in rotations} == {ANN}
    assert store.rotation_settings.read(MERCHANT) == SCHEDULE._replace(due_at=NOW_S + 90 * DAY)
    assert store.rotation_settings.read(TROUBLED) == PAUSED
    assert [store.reconciliations.get(merchant) for merchant in (MERCHANT, TROUBLED, COMPROMISED)] == [
        Reconciliation(merchant=MERCHANT, due_at=NOW_S + DAY, near_at=NOW_S + 1),
        Reconciliation(merchant=TROUBLED, due_at=NOW_S + DAY, tries=1),
        Reconciliation(merchant=COMPROMISED),
    ]
    assert store.leases.open_intent_ids(TROUBLED) == {each.rjust(26, "i") for each in ("1001", "3003", "3004")}
    intent = there(store.leases.acquire_expired(TROUBLED, None, "worker"))
    named = (intent.requested_by, intent.lease.title, intent.lease.account_id)
    assert named == (ANN, "Storefront", "bravo.myshopify.com")


def test_every_pair_is_read(recorded: Scenario) -> None:
    pairs = recorded.shopify.pairs
    assert [pairs.get(merchant) for merchant in (MERCHANT, TROUBLED, COMPROMISED, FAILED)] == [
        PairRecord(MERCHANT, "version-1", "origin-1", fence=2, due_at=NOW_S + 30 * DAY, named_at=NOW_S + 113),
        PairRecord(
            TROUBLED,
            "version-2",
            "origin-2",
            fence=4,
            due_at=NOW_S + DAY,
            state=MerchantState.REAUTHORIZATION_REQUIRED,
            refused_secret="secret-2",
            told={"refresh_token_refused": NOW_S + 114},
            named_at=NOW_S + 115,
        ),
        PairRecord(COMPROMISED, fence=1, lease_ends_at=NOW_S + 157, migrating="origin-3", due_at=NOW_S + 157),
        PairRecord(FAILED, fence=1, lease_ends_at=NOW_S + 119, migrating="origin-3", due_at=NOW_S + DAY, tries=1),
    ]
    assert there(pairs.acquire(pairs.get(FAILED), "another")).fence == 2


def test_everything_else_is_read(recorded: Scenario) -> None:
    items = [unwrap_all(item) for item in recorded.bench.dynamodb.scan(TableName=recorded.bench.table_name)["Items"]]
    policies = DynamoPolicies(recorded.table, recorded.clock)
    assert policies.read(MERCHANT) == Revisioned(document=POLICY, revision=1, changed_by=ANN)
    assert policies.read(TROUBLED) == Revisioned(document=None, revision=2, changed_by=ANN)
    assert recorded.shopify.tokens.broker_id() in {item.get("brokerId") for item in items}
    index = DynamoDueIndex(recorded.table)
    due = [found for shard in range(index.shards) for page in index.pages(shard, NOW_S + 100 * DAY) for found in page]
    assert Counter((f"{found.provider}#{found.merchant}", found.item, found.due_at) for found in due) == Counter(
        ("#".join(item["pk"].removeprefix(PREFIX).split("#")[:2]), item["sk"], item["dueAt"])
        for item in items
        if "due" in item
    )
    waiting = [item for item in items if item["pk"].startswith(PREFIX)]
    assert {item["type"] for item in waiting} == set(MEMBERS)
    for item in waiting:
        entry = there(DynamoOutbox(recorded.table).read(name_of(item["provider"], item["merchant"], item["sk"])))
        event = there(entry.event)
        assert (event.type, event.merchant, entry.due_at) == (item["type"], item["merchant"], item["dueAt"])
        assert {name: value for name, value in event.detail.items() if value is not None} == item["detail"]
