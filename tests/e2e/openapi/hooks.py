"""Sign schemathesis's requests, and check what the document cannot say. schemathesis loads this file.

The folder of the run has the names of its merchants, and the values that no answer may contain.
"""

import functools
import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
import schemathesis
from requests.auth import AuthBase
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.core.jsonschema.types import JsonSchemaObject
from schemathesis.core.parameters import ParameterLocation

from sandbox.simulators import ControlClient
from tests.e2e.support.storefronts import AUDIENCE
from token_broker_client import ProofSigner
from token_broker_client.aws import Signer

FOLDER = Path(os.environ["TOKEN_BROKER_FUZZING"])
SECRET_PREFIX = os.environ["TOKEN_BROKER_SECRET_PREFIX"]
#: The simulators' control address, if each request is to meet a fault of its provider.
CONTROL = os.environ.get("TOKEN_BROKER_FUZZING_FAULTS")
SIGNER = Signer()
#: What a schema cannot say about a valid request, as its refusal says it.
BEYOND_THE_SCHEMA = (
    "'confirm' must be the shop's domain in the merchant's secret",
)
FAULTS: Iterator[dict[str, Any]] = itertools.cycle((
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
))


class Backend(AuthBase):
    """Sign as a backend does."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body.encode() if isinstance(request.body, str) else request.body
        request.headers.update(SIGNER.signed("execute-api", str(request.method), str(request.url), {}, body))
        return request


class Page(AuthBase):
    """Name the page's origin, as a browser does."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Origin"] = _origin(_merchant(request))
        return request


class App(AuthBase):
    """Send a proof of the session that the body names."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {_proofs(_merchant(request)).sign(_session(request))}"
        return request


schemathesis.auth.set_from_requests(Backend()).skip_for(tag="Storefronts")
schemathesis.auth.set_from_requests(Page()).apply_to(tag="Storefronts", method="GET")
schemathesis.auth.set_from_requests(App()).apply_to(tag="Storefronts", method="POST")


def _merchant(request: requests.PreparedRequest) -> str:
    return str(request.url).partition("/storefront/")[2].partition("/")[0]


def _session(request: requests.PreparedRequest) -> str:
    try:
        return str(json.loads(request.body or b"")["sessionId"])
    except (ValueError, KeyError, TypeError):
        return "checkout-1"


def _origin(merchant: str) -> str:
    return f"https://{merchant}.example"


@functools.cache
def _proofs(merchant: str) -> ProofSigner:
    """Return the signer of a merchant of this run. Nobody has a key for another name, so its proofs are forged."""
    if merchant in _names("storefront"):
        secret = f"{SECRET_PREFIX}/storefront-proof/{merchant}"
        return ProofSigner.from_secret(secret, issuer=_origin(merchant), audience=AUDIENCE)
    return ProofSigner(lambda: json.dumps({"keys": {"first": "f" * 32}}), issuer=_origin(merchant), audience=AUDIENCE)


@functools.cache
def _names(kind: str) -> list[str]:
    return [json.loads(line) for line in (FOLDER / kind).read_text().splitlines()]


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: JsonSchemaObject) -> None:
    """Replace the merchant of the document's examples by one of this run."""
    merchant = raw_schema["components"]["parameters"]["merchant"]
    for path, item in raw_schema["paths"].items():
        kind = {"storefront": "storefront", "operations": "migration"}.get(path.split("/")[1], "backend")
        item["parameters"][0] = {**merchant, "example": _names(kind)[0]}


@schemathesis.hook
def map_case(context: HookContext, case: Case) -> Case:
    """Correct what the document can say in words only.

    The API takes 1 for a whole number, and not 1.0. A migration is confirmed by the shop's own domain.
    """
    body = _whole(case.body)
    valid = case.meta is not None and case.meta.generation.mode.is_positive
    if valid and _operation(case) == "shopify_migrate_token":
        body["confirm"] = f"{case.path_parameters['merchant']}.myshopify.com"
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
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Leave out the 0 that schemathesis's phase `coverage` has for each If-Match, and inject faults if wanted."""
    if case.headers.get("If-Match") == "0" and not _meant(case):
        del case.headers["If-Match"]
    if CONTROL is not None:
        provider = _operation(case).removeprefix("storefront_").partition("_")[0]
        control = ControlClient(CONTROL)
        control.forget_faults()
        if provider != "storefronts":
            control.fault(provider, **next(FAULTS))


def _meant(case: Case) -> bool:
    """Return whether a request is to be refused for one of its headers."""
    return case.meta is not None and case.meta.generation.mode.is_negative and (
        getattr(case.meta.phase.data, "parameter_location", None) is ParameterLocation.HEADER
    )


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case, response: Response) -> bool:
    """Ignore refusals by rules that no schema can have, and the statuses of injected faults."""
    if failure.code == "ST202":
        return not any(rule in response.text for rule in BEYOND_THE_SCHEMA)
    if failure.code == "ST101":
        return CONTROL is None or response.status_code not in (502, 503, 504)
    return True


@schemathesis.hook
def after_call(context: HookContext, case: Case, response: Response) -> None:
    """Write the operation, the status and the seconds of each answer, for the figures of the run."""
    with (FOLDER / "answers").open("a") as file:
        file.write(f"{_operation(case)} {response.status_code} {response.elapsed:.3f}\n")


@schemathesis.check
def no_value_in_the_wrong_place(ctx: CheckContext, response: Response, case: Case) -> None:
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


@functools.cache
def _seen() -> set[str]:
    return set()


@functools.cache
def _secrets() -> frozenset[str]:
    return frozenset((FOLDER / "secrets").read_text().split())


def _operation(case: Case) -> str:
    return str(case.operation.definition.raw["operationId"])
