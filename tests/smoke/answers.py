"""Call the API with the operator's credentials, and judge its answers. No body is ever shown: it may hold a token."""

from collections.abc import Sequence
from typing import Any

import requests

from tests.smoke.deployed import Deployed
from tests.smoke.outcomes import DidNotRun, FellShort

#: The merchant has no account there, so nothing can be said.
_NOT_SET_UP = {
    "merchant_not_found": "The merchant has no secret there.",
    "provider_not_configured": "It has no address.",
}


def signed(stack: Deployed, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
    """Call the API. Underscores in header names become hyphens. Raises `DidNotRun` if the operator may not call it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = stack.signed(method, path, body, headers=named)
    if response.status_code == 403:
        raise DidNotRun(f"These credentials may not call {method} {path}.")
    return response


def problem(response: requests.Response, *allowed: tuple[int, str], challenge: str = "") -> str:
    """Return status and code of a problem document that is one of the allowed. Raises `FellShort`."""
    code = _code(response)
    seen = f"{response.status_code} {code}, {response.headers.get('Content-Type', 'no Content-Type')}"
    if challenge:
        seen += f", WWW-Authenticate: {response.headers.get('WWW-Authenticate', 'none')}"
    right = (
        (response.status_code, code) in allowed
        and response.headers.get("Content-Type") == "application/problem+json"
        and challenge in response.headers.get("WWW-Authenticate", "")
    )
    if right:
        return seen
    expected = " or ".join(f"{status} {name}" for status, name in allowed) + ", application/problem+json"
    raise FellShort(
        seen,
        expected=expected + (f", WWW-Authenticate: {challenge}" if challenge else ""),
        advice="compare the gateway responses in template.yaml with this answer",
    )


def content(response: requests.Response, statuses: Sequence[int]) -> Any:
    """Return the JSON of an answer with one of these statuses. Raises `FellShort` or `DidNotRun`."""
    if response.status_code in statuses:
        return response.json() if response.content else None
    code = _code(response)
    if code in _NOT_SET_UP:
        raise DidNotRun(_NOT_SET_UP[code])
    raise FellShort(
        f"{response.status_code} {code}",
        expected=" or ".join(map(str, statuses)),
        advice=f"find the request {response.headers.get('x-amzn-RequestId', '')} in the function's log",
    )


def _code(response: requests.Response) -> str:
    try:
        return str(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return "without a code"
