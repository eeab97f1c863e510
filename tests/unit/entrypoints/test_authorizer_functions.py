"""The two authorizers themselves, each file run over policies and keys in memory."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes import proofs
from tests.fakes.clock import NOW, MovableClock
from tests.fakes.documents import MemoryDocuments
from tests.fakes.events import Context, authorizer_event
from tests.fakes.proofs import OTHER_SECRET, SECRET, by_backend
from tests.fakes.secrets import MemorySecrets
from tests.fakes.trust_policies import SHOP, hs256, parse, policy, sessions
from tests.unit.loading import Handler, load
from token_broker import wiring
from token_broker.domain.grant import Grant
from token_broker.entrypoints.authorizer import DecisionUnavailable
from token_broker.errors import StorageUnavailable
from token_broker.ports.documents import Revisioned
from token_broker.storefronts.admission import Admission
from token_broker.telemetry import PowertoolsTelemetry

SHOPIFY, FOURTHWALL, CHICKSX = "shopify/storefront-access-token", "fourthwall/public-token", "chicksx/public-tokens"
OPEN = policy(anonymous=[SHOPIFY], sessions=sessions(hs256(claims={"shop": "demo"})))


class Gate:
    """One authorizer's process, with merchant acme's policy and keys."""

    def __init__(self, handler: Handler, clock: MovableClock, store: MemoryDocuments[Any], keys: MemorySecrets) -> None:
        self._handler = handler
        self.clock = clock
        self.store = store
        self.keys = keys

    def put(self, document: Any, merchant: str = "acme") -> None:
        self.store.stored[merchant] = Revisioned(document=document, revision=1)

    def ask(self, operation: str, method: str = "GET", merchant: str = "acme", **headers: str | list[str]) -> Any:
        """Return what the gateway gets, or None where it is told "Unauthorized"."""
        sent = {name: [value] if isinstance(value, str) else value for name, value in headers.items() if value != []}
        event = authorizer_event(operation=operation, method=method, merchant=merchant, headers=sent)
        try:
            return self._handler(event, Context())
        except DecisionUnavailable as told:
            if str(told) == "Unauthorized":
                return None
            raise

    def prove(self, jwt: str, merchant: str = "acme", **headers: str) -> Any:
        """Return what the gateway gets for a session."""
        return self.ask(CHICKSX, "POST", merchant, Authorization=f"Bearer {jwt}", **headers)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, make_telemetry: Callable[[], PowertoolsTelemetry]) -> Callable[[str], Gate]:
    """Make the process of one authorizer."""

    def open_gate(name: str) -> Gate:
        clock, store, telemetry = MovableClock(), MemoryDocuments[Any](), make_telemetry()
        keys = MemorySecrets(acme={"keys": {"k1": SECRET}}, other={"keys": {"k1": OTHER_SECRET}})
        parts = {"clock": clock, "telemetry": telemetry, "service": Admission(store.read, clock, telemetry, parse)}
        monkeypatch.setattr(wiring, "admission", lambda: SimpleNamespace(**parts))
        monkeypatch.setattr(wiring, "proof_keys", lambda _parts: keys)
        opened = Gate(load(f"storefronts/{name}_authorizer"), clock, store, keys)
        opened.put(OPEN)
        return opened

    return open_gate


def allowed(answer: Any) -> bool:
    return answer is not None and answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"


def good(**claims: Any) -> str:
    """Sign a proof that the policy above accepts."""
    return by_backend(**{"kid": "k1", "shop": "demo", **claims})


# Pages


@pytest.fixture
def shop(gate: Callable[[str], Gate]) -> Gate:
    return gate("shop")


def test_a_page_of_the_merchants_is_let_in(shop: Gate) -> None:
    answer = shop.ask(SHOPIFY, Origin=SHOP)

    assert allowed(answer)
    assert Grant.from_context(answer["context"]) == Grant(merchant="acme", origins=(SHOP,))


@pytest.mark.parametrize(
    ("operation", "merchant", "headers"),
    [
        (SHOPIFY, "acme", {"Origin": "https://evil.example"}),
        (FOURTHWALL, "acme", {"Origin": SHOP}),
        (CHICKSX, "acme", {"Origin": SHOP}),
        (SHOPIFY, "nobody", {"Origin": SHOP}),
        (SHOPIFY, "acme", {"Authorization": f"Bearer {good()}"}),
    ],
)
def test_any_other_page_operation_or_merchant_is_denied(
    shop: Gate, operation: str, merchant: str, headers: dict[str, str]
) -> None:
    answer = shop.ask(operation, merchant=merchant, **headers)

    assert answer["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": "*"}
    ]


def test_who_sends_two_origins_is_nobody(shop: Gate) -> None:
    assert shop.ask(SHOPIFY, Origin=[SHOP, SHOP]) is None


# Sessions


@pytest.fixture
def proof(gate: Callable[[str], Gate]) -> Gate:
    return gate("proof")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("origin", [[], [SHOP], ["https://evil.example"]])
def test_a_session_with_its_proof_is_let_in_whatever_its_origin(proof: Gate, scheme: str, origin: list[str]) -> None:
    """The gateway keeps the answer whatever origin the next request has; the function compares it each time."""
    answer = proof.ask(CHICKSX, "POST", Authorization=f"{scheme} {good()}", Origin=origin)

    assert allowed(answer)
    assert Grant.from_context(answer["context"]) == Grant(
        merchant="acme",
        origins=(SHOP,),
        session_id=proofs.SESSION,
        expires_at=int(NOW) + 600,
        scopes=("wallet.read", "merchant.read"),
    )


@pytest.mark.parametrize(
    "authorization",
    [
        [],
        "",
        "Bearer ",
        good(),
        f"Basic {good()}",
        f"Bearer  {good()}",
        f"Bearer {good()},Bearer {good()}",
        f"Bearer\t{good()}",
        "AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/execute-api/aws4_request",
        [f"Bearer {good()}"] * 2,
        "Bearer a.b.c",
        f"Bearer {good()}.x",
    ],
)
def test_what_has_not_the_form_of_a_proof_is_none_and_reads_no_policy(
    proof: Gate, authorization: str | list[str]
) -> None:
    assert proof.ask(CHICKSX, "POST", Authorization=authorization) is None
    assert proof.store.reads == []


@pytest.mark.parametrize("jwt", [good(exp=1), good(secret=OTHER_SECRET)], ids=["expired", "another's key"])
def test_a_proof_that_is_none_is_unauthorized(proof: Gate, jwt: str) -> None:
    assert proof.prove(jwt) is None


def test_a_proof_of_one_merchant_is_none_at_another(proof: Gate) -> None:
    proof.put(OPEN, "other")

    assert allowed(proof.prove(good()))
    assert proof.prove(good(), "other") is None


@pytest.mark.parametrize("document", [None, policy(), policy(anonymous=[SHOPIFY])])
def test_a_merchant_that_opens_no_sessions_looks_like_one_that_refuses_the_proof(proof: Gate, document: Any) -> None:
    """Who sends junk learns nothing of the merchants; `None` would be 403 for a merchant and 401 for another."""
    proof.put(document)

    assert proof.prove(good()) is None
    assert proof.prove(good(), "nobody") is None


@pytest.mark.parametrize("operation", [SHOPIFY, FOURTHWALL])
def test_a_proof_opens_no_other_operation(proof: Gate, operation: str) -> None:
    answer = proof.ask(operation, Authorization=f"Bearer {good()}", Origin=SHOP)

    assert answer is not None
    assert not allowed(answer)


@pytest.mark.parametrize("part", ["store", "keys"])
def test_where_nothing_can_be_said_of_a_proof_nothing_is_said(proof: Gate, part: str) -> None:
    getattr(proof, part).failure = StorageUnavailable("Later.")

    with pytest.raises(DecisionUnavailable, match="could not be checked"):
        proof.prove(good())


@pytest.mark.parametrize("keys", [{}, {"acme": {"keys": {"k1": "short"}}}], ids=["no keys", "bad keys"])
def test_a_merchant_without_a_usable_key_looks_like_none(proof: Gate, keys: dict[str, Any]) -> None:
    proof.keys.stored = keys

    assert proof.prove(good()) is None


def test_neither_proof_nor_key_is_written_anywhere(
    gate: Callable[[str], Gate], capsys: pytest.CaptureFixture[str]
) -> None:
    proof = gate("proof")
    told = str(proof.prove(good()))
    proof.prove(good(secret=OTHER_SECRET))
    proof.keys.delete("acme")
    proof.keys.stored["acme"] = {"keys": {"k1": "canary-of-a-key"}}
    proof.clock.advance(30)
    assert proof.prove(good()) is None
    proof.keys.failure = StorageUnavailable("canary-of-a-key")
    proof.clock.advance(60)
    with pytest.raises(DecisionUnavailable) as raised:
        proof.prove(good())

    captured = capsys.readouterr()
    written = told + str(raised.value) + captured.out + captured.err
    assert "decided" in captured.out
    assert not [value for value in (SECRET, "canary-of-a-key", *good().split(".")) if value in written]
