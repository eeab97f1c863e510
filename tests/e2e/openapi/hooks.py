"""Prepare schemathesis's requests, and check what the document cannot say. schemathesis loads this file."""

import functools
import itertools
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.core.jsonschema.types import JsonSchemaObject
from schemathesis.core.parameters import ParameterLocation

from sandbox.simulators import ControlClient
from tests.e2e.openapi.signing import FOLDER, App, Backend, Client, Page, names

type AnyCase = Case[Any]

#: The simulators' control address, if each request is to meet a fault of its provider.
CONTROL = os.environ.get("TOKEN_BROKER_FUZZING_FAULTS")
#: Its type does not have `set_from_requests`.
AUTH: Any = schemathesis.auth
#: What a schema cannot say about a valid request, as its refusal says it.
BEYOND_THE_SCHEMA = (
    "'confirm' must be the shop's domain in the merchant's secret",
    "'sessions.proofs' must have different issuers",
    "'shop.proofs' must have different issuers",
    "'overlapDays' is too long for 'maxAgeDays'",
)
FAULTS: Iterator[dict[str, Any]] = itertools.cycle(
    (
        {"kind": "status", "status": 401, "times": 4},
        {"kind": "status", "status": 429, "times": 4, "headers": {"Retry-After": "1"}},
        {"kind": "status", "status": 500, "times": 4},
        {"kind": "status", "status": 503, "times": 4, "body": "<html>"},
        {"kind": "act_then_drop", "times": 2},
        {"kind": "garbage", "times": 2},
        {"kind": "malformed", "times": 2},
        {"kind": "truncated", "times": 2},
        {"kind": "redirect", "times": 2},
        {"kind": "refuse", "times": 2},
    )
)


AUTH.set_from_requests(Backend()).skip_for(tag=["Storefronts", "Clients"])
AUTH.set_from_requests(Client()).apply_to(tag="Clients")
AUTH.set_from_requests(Page()).apply_to(tag="Storefronts", method="GET")
AUTH.set_from_requests(App()).apply_to(tag="Storefronts", method="POST")


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: JsonSchemaObject) -> None:
    """Replace the names in the document's examples by those of this run, so that the examples succeed."""
    parameters, migration = raw_schema["components"]["parameters"], names("migration")[0]
    parameters["merchant"]["example"] = names("backend")[0]
    parameters["tokenId"]["example"] = names("token")[0]
    for condition in ("ifMatch", "ifNoneMatch"):
        del parameters[condition]["example"]
    for path, item in raw_schema["paths"].items():
        if path.startswith(("/storefront/", "/clients/")) or path.endswith("/preview-origins"):
            item["parameters"] = [{**parameters["merchant"], "example": names("storefront")[0]}]
        if path.endswith("/token-migrations"):
            item["parameters"] = [{**parameters["merchant"], "example": migration}]
            item["post"]["requestBody"]["content"]["application/json"]["example"] = {"confirm": _domain(migration)}


@schemathesis.hook
def map_case(context: HookContext, case: AnyCase) -> AnyCase:
    """Correct what the document can say in words only.

    The API takes 1 for a whole number, and not 1.0. A migration is confirmed by the shop's own domain.
    """
    body = _whole(case.body)
    valid = case.meta is not None and case.meta.generation.mode.is_positive
    if valid and _operation(case) == "shopify_migrate_token":
        body["confirm"] = _domain(case.path_parameters["merchant"])
    if repr(body) != repr(case.body):
        case.body = body
    return case


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _whole(member) for name, member in value.items()}
        case list():
            return [_whole(member) for member in value]
    return value


@schemathesis.hook
def before_call(context: HookContext, case: AnyCase, kwargs: dict[str, Any]) -> None:
    """Correct what schemathesis chooses by itself, and inject faults if wanted.

    It has a 0 for each If-Match in its phase `coverage`, and takes examples of names from other operations. A page
    relies on its merchant's policy, so the policies of other merchants are changed.
    """
    if _operation(case).endswith("_trust_policy") and case.path_parameters.get("merchant") in names("storefront"):
        case.path_parameters["merchant"] = names("backend")[0]
    if case.headers.get("If-Match") == "0" and not _meant(case):
        del case.headers["If-Match"]
    if CONTROL is not None:
        provider = _operation(case).removeprefix("storefront_").removeprefix("client_").partition("_")[0]
        control = ControlClient(CONTROL)
        control.forget_faults()
        if provider != "storefronts":
            control.fault(provider, **next(FAULTS))


def _meant(case: AnyCase) -> bool:
    """Return whether the request is to be refused for one of its headers."""
    if case.meta is None or not case.meta.generation.mode.is_negative:
        return False
    return getattr(case.meta.phase.data, "parameter_location", None) is ParameterLocation.HEADER


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: AnyCase, response: Response) -> bool:
    """Ignore refusals by rules that no schema can have, and the statuses of injected faults."""
    if failure.code == "ST202":
        return not any(rule in response.text for rule in BEYOND_THE_SCHEMA)
    if failure.code == "ST101":
        return CONTROL is None or response.status_code not in (502, 503, 504)
    return True


@schemathesis.hook
def after_call(context: HookContext, case: AnyCase, response: Response) -> None:
    """Write the operation, the status and the seconds of each answer, for the figures of the run."""
    with (FOLDER / "answers").open("a") as file:
        file.write(f"{_operation(case)} {response.status_code} {response.elapsed:.3f}\n")


@schemathesis.check
def no_value_in_the_wrong_place(ctx: CheckContext, response: Response, case: AnyCase) -> None:
    """Check that an answer has no secret, and tokens only as members `accessToken`."""
    rest = f"{response.headers}{response.text}"
    tokens: list[str] = []
    if response.text:
        rest = f"{response.headers}{json.dumps(_without_tokens(response.json(), tokens.append))}"
    _seen().update(tokens)
    assert not any(value in rest for value in _seen() | _secrets()), "an answer contains a secret or a token"


def _without_tokens(value: Any, found: Callable[[str], object]) -> Any:
    match value:
        case {"accessToken": str(token), **others}:
            found(token)
            return _without_tokens(others, found)
        case dict():
            return {name: _without_tokens(member, found) for name, member in value.items()}
        case list():
            return [_without_tokens(member, found) for member in value]
    return value


def _domain(merchant: str) -> str:
    return f"{merchant}.myshopify.com"


@functools.cache
def _seen() -> set[str]:
    return set()


@functools.cache
def _secrets() -> frozenset[str]:
    return frozenset((FOLDER / "secrets").read_text().split())


def _operation(case: AnyCase) -> str:
    return str(case.operation.definition.raw["operationId"])
