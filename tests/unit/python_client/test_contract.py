"""The Python client against what it calls: routes, inputs, errors, events, and how its proofs are verified."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

import token_broker_client.errors
from proofs.outcomes import ProofRejected
from tests.expected_functions import FUNCTIONS
from tests.fakes.clock import NOW
from tests.fakes.proofs import SECRET, SHOP, Desk
from tests.fakes.secrets import MemorySecrets
from tests.fakes.trust_policies import parse, policy, sessions, shop
from tests.unit.loading import load
from token_broker import errors
from token_broker.entrypoints.inputs import Input, Source, names, sources
from token_broker.providers.shopify import refusals
from token_broker_client import ProofSigner, events
from token_broker_client.members import _members
from token_broker_client.operations import CLIENT_OPERATIONS, OPERATIONS, STOREFRONT_OPERATIONS, Operation

ROUTES = {route: function.folder for function in FUNCTIONS for route in function.routes}
SCHEMAS = sorted((Path(__file__).parents[3] / "docs/reference/events").glob("*.schema.json"))


def test_each_route_has_its_operation() -> None:
    known = (*OPERATIONS.values(), *STOREFRONT_OPERATIONS.values(), *CLIENT_OPERATIONS.values())
    assert {f"{each.method} {each.path}": each.name for each in known} == ROUTES


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_an_operations_fields_are_where_its_function_takes_them_from(operation: Operation) -> None:
    accepts: type[Input] = cast("Any", load(operation.name)).accepts
    declared: list[Source] = list(sources(accepts).values())
    named = {name: name for name in names(accepts)}
    assert set(operation.query) == {each.name for each in declared if each.location == "query"}
    assert {name: header.lower() for name, header in operation.headers.items()} == {
        each.name: each.header for each in declared if each.location == "header"
    }
    in_body = {each.name for each in declared if each.location == "body"}
    assert (operation.body(named) or {}).keys() == in_body
    assert all(f"{{{each.name}}}" in operation.path for each in declared if each.location == "path")


def _tree(kind: type[Any], root: type[Any]) -> dict[str, list[str]]:
    """Return the classes below `kind`, each with the names of its bases up to `root`."""
    found: dict[str, list[str]] = {}
    for each in kind.__subclasses__():
        if each.__module__.startswith((root.__module__, refusals.__name__)):
            found[each.__name__] = [base.__name__ for base in each.__mro__ if issubclass(base, root)]
            found |= _tree(each, root)
    return found


def test_the_clients_tree_of_errors_is_the_brokers() -> None:
    theirs = _tree(errors.BrokerError, errors.BrokerError) | {"InternalError": ["InternalError", "BrokerError"]}
    assert _tree(token_broker_client.errors.BrokerError, token_broker_client.errors.BrokerError) == theirs


def _codes(kind: type[errors.BrokerError]) -> set[str]:
    return {kind.code}.union(*(_codes(each) for each in kind.__subclasses__()))


@pytest.mark.parametrize("code", sorted(_codes(errors.BrokerError)))
def test_a_code_has_the_class_that_a_direct_invocation_names(code: str) -> None:
    error = token_broker_client.errors.from_problem({"code": code, "status": 400}, request_id=None, retry_after=None)
    assert type(error).__name__ == "".join(map(str.capitalize, code.split("_")))


def test_each_event_has_a_class() -> None:
    described = {path.name.partition(".")[0] for path in SCHEMAS}
    assert described == {each.__name__ for each in events.Event.__subclasses__()}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_an_event_has_a_field_for_each_member(path: Path) -> None:
    schema = json.loads(path.read_text())
    kind = path.name.partition(".")[0]
    for example in schema["examples"]:
        event = events.parse({"source": "token-broker", "detail-type": kind, "detail": example})
        assert (type(event).__name__, event.extra) == (kind, {})
    members = {each.name: each for each in _members(getattr(events, kind))}
    assert members.keys() - {"type"} == schema["properties"].keys()
    for name, described in schema["properties"].items():
        nullable = name not in schema["required"] or "null" in described.get("type", [])
        assert (type(None) in getattr(members[name].type, "__args__", ())) == nullable, name


def test_the_authorizer_accepts_the_clients_proof() -> None:
    keys = {"keys": {"old": "x" * 32, "new": SECRET}}
    signer = ProofSigner(lambda: json.dumps(keys), issuer=SHOP, clock=lambda: NOW)

    proof = Desk(secrets=MemorySecrets(acme=keys)).verify(signer.sign("s/ü-1"))

    assert (proof.session_id, proof.expires_at) == ("s/ü-1", int(NOW) + 300)


def test_the_authorizer_accepts_the_clients_proof_of_no_session_for_the_shops_tokens_only() -> None:
    keys = {"keys": {"new": SECRET}}
    signer = ProofSigner(lambda: json.dumps(keys), issuer=SHOP, clock=lambda: NOW)
    desk, both = Desk(secrets=MemorySecrets(acme=keys)), parse(policy(sessions=sessions(), shop=shop()))

    assert desk.verify_client(signer.sign_client(), both) == int(NOW) + 300
    with pytest.raises(ProofRejected):
        desk.verify_client(signer.sign("s-1"), both)
    with pytest.raises(ProofRejected):
        desk.verify(signer.sign_client())
