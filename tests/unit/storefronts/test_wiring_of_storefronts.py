"""How the parts around trust policies are put together: late, and from what the template says."""

import json
from typing import Any

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.trust_policies import oidc, policy, sessions
from token_broker.clock import Deadline
from token_broker.domain.grant import Grant
from token_broker.domain.revision import Precondition
from token_broker.errors import Forbidden, InternalError, InvalidRequest
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.wiring import container
from token_broker.wiring.storefronts import PROOF_KEYS_TTL_SECONDS, StorefrontContainer

LOOPBACK = "http://127.0.0.1:8123"


class Aws:
    """A client of either service, which notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.item: dict[str, Any] | None = None

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(("get_item", arguments["Key"]))
        return {} if self.item is None else {"Item": self.item}

    def put_item(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(("put_item", arguments["Item"]["pk"]))
        return {}

    def get_secret_value(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(("get_secret_value", arguments["SecretId"]))
        return {"SecretString": json.dumps({"keys": {}})}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    made = Aws()
    for name, value in {"TOKEN_TABLE": "tokens", "SECRET_PREFIX": "token-broker"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LOOPBACK_JWKS_ORIGIN", raising=False)
    monkeypatch.setattr(container, "client", lambda service: made)
    monkeypatch.setattr(container, "PowertoolsTelemetry", lambda _name: RecordingTelemetry())
    return made


def deadline() -> Deadline:
    return Deadline.after(MovableClock(), 20)


def put(assembly: StorefrontContainer, document: Any) -> tuple[int, bool]:
    return assembly.broker("caller", deadline()).put("acme", document, Precondition())


def test_nothing_of_aws_is_asked_before_it_is_needed(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "client", lambda service: pytest.fail(f"a client for {service} was made"))
    assembly = StorefrontContainer()

    assert isinstance(assembly.broker("caller", deadline()), TrustPolicies)
    assert assembly.proof_keys is assembly.proof_keys
    assembly.admission()


def test_one_process_keeps_its_policies_in_one_memory(aws: Aws) -> None:
    assembly = StorefrontContainer()

    for _ in range(3):
        with pytest.raises(Forbidden):
            assembly.admission().policy("acme")

    assert assembly.admission() is assembly.admission()
    assert aws.asked == [("get_item", {"pk": {"S": "policy#acme"}, "sk": {"S": "policy"}})]


def test_another_process_has_another_memory(aws: Aws) -> None:
    for _ in range(2):
        with pytest.raises(Forbidden):
            StorefrontContainer().admission().policy("acme")

    assert len(aws.asked) == 2


def test_changes_are_made_past_the_memory(aws: Aws) -> None:
    """Whoever changes a policy must see what stands, not what stood half a minute ago."""
    assembly = StorefrontContainer()
    with pytest.raises(Forbidden):
        assembly.admission().policy("acme")

    assert put(assembly, policy()) == (1, True)
    assert [name for name, _ in aws.asked] == ["get_item", "get_item", "put_item"]


def test_proof_keys_are_named_like_a_providers_secret_and_kept_for_a_short_time(aws: Aws) -> None:
    assembly = StorefrontContainer()
    clock = MovableClock()
    vars(assembly)["clock"] = clock

    for seconds in (0, PROOF_KEYS_TTL_SECONDS - 1, 1):
        clock.advance(seconds)
        assembly.proof_keys.read("acme")

    assert aws.asked == [("get_secret_value", "token-broker/storefront-proof/acme")] * 2


def test_a_storefront_cannot_change_what_it_is_allowed(aws: Aws) -> None:
    with pytest.raises(Forbidden):
        StorefrontContainer().broker("storefront", deadline(), Grant(merchant="acme"))


@pytest.mark.parametrize(("named", "taken"), [("", False), (LOOPBACK, True), ("http://127.0.0.1:9999", False)])
def test_the_one_loopback_issuer_is_the_one_that_the_template_names(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, named: str, *, taken: bool
) -> None:
    monkeypatch.setenv("LOOPBACK_JWKS_ORIGIN", named)
    document = policy(sessions=sessions(oidc(jwksUri=f"{LOOPBACK}/jwks.json")))

    if taken:
        assert put(StorefrontContainer(), document) == (1, True)
    else:
        with pytest.raises(InvalidRequest, match="jwksUri"):
            put(StorefrontContainer(), document)


@pytest.mark.parametrize("name", ["TOKEN_TABLE", "SECRET_PREFIX"])
def test_a_function_that_was_not_configured_says_so(aws: Aws, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)

    with pytest.raises(InternalError, match="not configured"):
        StorefrontContainer().admission()
