"""The two authorizer functions themselves, each file run over policies and keys in memory."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes import proofs
from tests.fakes.clock import NOW, MovableClock
from tests.fakes.documents import MemoryPolicies
from tests.fakes.events import Context, authorizer_event
from tests.fakes.proofs import OTHER_SECRET, SECRET, by_backend
from tests.fakes.secrets import MemorySecrets
from tests.fakes.trust_policies import SHOP, hs256, parse, policy, sessions, shop
from tests.unit.loading import Handler, load
from token_broker import wiring
from token_broker.domain.grant import Grant
from token_broker.entrypoints.authorizer import DecisionUnavailable
from token_broker.errors import StorageUnavailable
from token_broker.ports.documents import Revisioned
from token_broker.storefronts.admission import Admission
from token_broker.telemetry import PowertoolsTelemetry

SHOPIFY, FOURTHWALL, CHICKSX = "shopify/storefront-access-token", "fourthwall/public-token", "chicksx/public-tokens"
SECOND, PREVIEW = "https://second.example", "https://preview.example"
RULE = hs256(claims={"shop": "demo"})
OPEN = policy(origins=[SHOP, SECOND], anonymous=[SHOPIFY], sessions=sessions(RULE), shop=shop(RULE))


class Gate:
    """One authorizer's process, with merchant acme's policy and keys."""

    def __init__(self, handler: Handler, clock: MovableClock, store: MemoryPolicies, keys: MemorySecrets) -> None:
        self._handler = handler
        self.clock = clock
        self.store = store
        self.keys = keys

    def put(self, document: Any, merchant: str = "acme") -> None:
        self.store.stored[merchant] = Revisioned(document=document, revision=1)

    def ask(
        self,
        operation: str,
        method: str = "GET",
        merchant: str = "acme",
        route: str = "storefront",
        **headers: str | list[str],
    ) -> Any:
        """Return what the gateway gets, or None where it is told "Unauthorized"."""
        sent = {name: [value] if isinstance(value, str) else value for name, value in headers.items() if value != []}
        event = authorizer_event(operation=operation, method=method, merchant=merchant, headers=sent, route=route)
        try:
            return self._handler(event, Context())
        except DecisionUnavailable as told:
            if str(told) == "Unauthorized":
                return None
            raise

    def prove(self, jwt: str, merchant: str = "acme", **headers: str) -> Any:
        """Return what the gateway gets for a session."""
        return self.ask(CHICKSX, "POST", merchant, Authorization=f"Bearer {jwt}", **headers)

    def client(self, jwt: str, merchant: str = "acme", operation: str = SHOPIFY, **headers: str) -> Any:
        """Return what the gateway gets for a server or native app."""
        return self.ask(operation, "GET", merchant, "clients", Authorization=f"Bearer {jwt}", **headers)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, make_telemetry: Callable[[], PowertoolsTelemetry]) -> Callable[[str], Gate]:
    """Make the process of one authorizer."""

    def open_gate(name: str) -> Gate:
        clock, store, telemetry = MovableClock(), MemoryPolicies(), make_telemetry()
        keys = MemorySecrets(acme={"keys": {"k1": SECRET}}, other={"keys": {"k1": OTHER_SECRET}})
        parts = {"clock": clock, "telemetry": telemetry, "service": Admission(store.read_all, clock, telemetry, parse)}
        monkeypatch.setattr(wiring, "admission", lambda _needs=(): SimpleNamespace(**parts))
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
def pages(gate: Callable[[str], Gate]) -> Gate:
    return gate("shop")


def test_a_page_of_the_merchants_is_let_in(pages: Gate) -> None:
    answer = pages.ask(SHOPIFY, Origin=SHOP)

    assert allowed(answer)
    assert answer["context"] == {"merchant": "acme", "origins": SHOP}


def test_a_page_or_its_proof_opens_nothing_for_clients_there(pages: Gate) -> None:
    for headers in ({"Origin": SHOP}, {"Authorization": f"Bearer {for_shop()}"}):
        assert not allowed(pages.ask(SHOPIFY, route="clients", **headers))


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
    pages: Gate, operation: str, merchant: str, headers: dict[str, str]
) -> None:
    answer = pages.ask(operation, merchant=merchant, **headers)

    assert answer["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": "*"}
    ]


def test_who_sends_two_origins_is_nobody(pages: Gate) -> None:
    assert pages.ask(SHOPIFY, Origin=[SHOP, SHOP]) is None


# Sessions


@pytest.fixture
def proof(gate: Callable[[str], Gate]) -> Gate:
    return gate("proof")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize(
    ("origin", "passed_on"),
    [([], ()), ([SHOP], (SHOP,)), ([SECOND], (SECOND,)), ([PREVIEW], (PREVIEW,)), (["https://evil.example"], ())],
)
def test_a_session_with_its_proof_is_let_in_with_the_origin_that_the_policy_admits(
    proof: Gate, scheme: str, origin: list[str], passed_on: tuple[str, ...]
) -> None:
    """The function refuses any other origin, by an answer that no page may read."""
    proof.store.previews["acme"] = ({PREVIEW: int(NOW) + 1}, "x")

    answer = proof.ask(CHICKSX, "POST", Authorization=f"{scheme} {good()}", Origin=origin)

    assert allowed(answer)
    assert Grant.from_context(answer["context"]) == Grant(
        merchant="acme",
        origins=passed_on,
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


def test_a_session_of_a_preview_origin_is_let_in_until_the_origin_ends(proof: Gate) -> None:
    proof.store.previews["acme"] = ({PREVIEW: int(NOW) + 1}, "x")
    assert proof.prove(good(), Origin=PREVIEW)["context"]["origins"] == PREVIEW

    proof.clock.advance(1)

    assert proof.prove(good(), Origin=PREVIEW)["context"]["origins"] == ""
    assert proof.prove(good(), Origin=SHOP)["context"]["origins"] == SHOP


# Servers and native apps


def for_shop(**claims: Any) -> str:
    """Sign a proof for the shop, which names no session."""
    return good(**{"sid": None, "sub": "shop", **claims})


@pytest.mark.parametrize("operation", [SHOPIFY, FOURTHWALL])
@pytest.mark.parametrize("headers", [{}, {"Origin": SHOP}, {"Origin": "https://evil.example"}])
def test_a_client_with_its_proof_is_let_in_whatever_else_it_sends(
    proof: Gate, operation: str, headers: dict[str, str]
) -> None:
    """The gateway keeps the answer by proof, path and method, so nothing else may take part in it."""
    answer = proof.client(for_shop(), operation=operation, **headers)

    assert allowed(answer)
    assert answer["context"] == {"merchant": "acme", "origins": "", "clientUntil": str(int(NOW) + 600)}
    assert proof.store.reads == ["acme"]


@pytest.mark.parametrize(
    "changes",
    [{"exp": 1}, {"aud": "storefront"}, {"shop": "other"}, {"secret": OTHER_SECRET}, {"iss": "https://evil.example"}],
    ids=str,
)
def test_a_clients_proof_that_is_none_is_unauthorized(proof: Gate, changes: dict[str, Any]) -> None:
    assert proof.client(for_shop(**changes)) is None


@pytest.mark.parametrize("authorization", [[], "", f"Basic {good(sid=None)}", [f"Bearer {good(sid=None)}"] * 2])
def test_a_client_without_a_proof_is_unauthorized_and_reads_no_policy(
    proof: Gate, authorization: str | list[str]
) -> None:
    assert proof.ask(SHOPIFY, route="clients", Authorization=authorization, Origin=SHOP) is None
    assert proof.store.reads == []


def test_a_proof_of_a_session_opens_no_shop_and_one_of_the_shop_no_session(proof: Gate) -> None:
    """Both lists have the same issuer, audience, key and claims."""
    assert proof.client(good()) is None
    assert proof.prove(for_shop()) is None


@pytest.mark.parametrize("document", [None, policy(), policy(sessions=sessions(RULE))])
def test_a_merchant_that_opens_nothing_to_clients_looks_like_one_that_refuses_the_proof(
    proof: Gate, document: Any
) -> None:
    proof.put(document)

    for merchant in ("acme", "nobody"):
        assert proof.client(for_shop(), merchant) is None


def test_a_clients_proof_of_one_merchant_is_none_at_another(proof: Gate) -> None:
    proof.put(OPEN, "other")

    assert allowed(proof.client(for_shop()))
    assert proof.client(for_shop(), "other") is None


@pytest.mark.parametrize("operation", [CHICKSX, "shopify/storefront-access-tokens", "trust-policy", ""])
def test_a_clients_proof_opens_no_other_operation(proof: Gate, operation: str) -> None:
    assert not allowed(proof.client(for_shop(), operation=operation))


# Storage and keys


@pytest.mark.parametrize("part", ["store", "keys"])
def test_where_nothing_can_be_said_of_a_proof_nothing_is_said(proof: Gate, part: str) -> None:
    getattr(proof, part).failure = StorageUnavailable("Later.")

    for ask, jwt in ((proof.prove, good()), (proof.client, for_shop())):
        with pytest.raises(DecisionUnavailable, match="could not be checked"):
            ask(jwt)


@pytest.mark.parametrize("keys", [{}, {"acme": {"keys": {"k1": "short"}}}], ids=["no keys", "bad keys"])
def test_a_merchant_without_a_usable_key_looks_like_none(proof: Gate, keys: dict[str, Any]) -> None:
    proof.keys.stored = keys

    assert proof.prove(good()) is None
    assert proof.client(for_shop()) is None


def test_neither_proof_nor_key_is_written_anywhere(
    gate: Callable[[str], Gate], capsys: pytest.CaptureFixture[str]
) -> None:
    proof = gate("proof")
    told = str(proof.prove(good())) + str(proof.client(for_shop()))
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
    assert not [
        value for value in (SECRET, "canary-of-a-key", *good().split("."), *for_shop().split(".")) if value in written
    ]
