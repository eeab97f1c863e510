"""What every response must look like: the token shape, member by member, and the problem document."""

import hashlib
from collections.abc import Mapping
from typing import Any

import requests

from tests.contract_document import check_response
from token_broker_client.connections import Connections, HttpAnswer
from token_broker_client.deadline import Deadline

PROBLEM = {"type", "title", "status", "detail", "code", "requestId", "retryable"}
#: Where waiting helps, and so a caller is told to.
RETRYABLE = {"mint_in_progress", "provider_throttled", "provider_unavailable", "rate_limited", "storage_unavailable"}
TOKEN = {
    "provider": str,
    "merchant": str,
    "tokenId": str,
    "accessToken": str,
    "tokenType": str,
    "scope": list,
    "issuedAt": int,
    "expiresAt": int | None,
    "subject": str,
    "use": dict,
    "providerData": dict,
}


class ObservedConnections(Connections):
    """Observe each response that the client gets from the API."""

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, deadline: Deadline
    ) -> HttpAnswer:
        answer = super().exchange(method, url, headers, body, deadline)
        observe(method, url.partition("/v1")[2], answer)
        return answer


def observe(method: str, path: str, answer: HttpAnswer) -> None:
    """Compare a response of the API with the OpenAPI document, whether the client or a test has sent the request.

    `path` follows the API's address.
    """
    # The local AWS refuses a caller without the right in its own words. API Gateway sends the template's response.
    if answer.headers.get("x-amzn-errortype") != "AccessDeniedException":
        check_response(method, path, answer.status, answer.headers, answer.body)
    if answer.headers.get("content-type") == "application/problem+json":
        for internal in (b"arn:aws", b"Traceback"):
            assert internal not in answer.body, f"{method} {path}: {answer.status}"


def fingerprint(value: str) -> str:
    """As the broker and the simulators show a value: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(value.encode()).hexdigest()[:12]


def token_of(response: requests.Response, status: int = 200) -> dict[str, Any]:
    """Return the token of a response after checking its status, headers and shape."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    return checked_token(response.json())


def checked_token(token: Any) -> dict[str, Any]:
    """Return the token after checking that it has exactly the expected members and types."""
    assert isinstance(token, dict)
    assert set(token) - {"title"} == set(TOKEN), f"members: {sorted(token)}"
    for name, kind in TOKEN.items():
        value = token[name]
        assert isinstance(value, kind), f"{name} is a {type(value).__name__}"
        assert not isinstance(value, bool), f"{name} is a flag"
    assert all(isinstance(scope, str) for scope in token["scope"])
    assert isinstance(token.get("title", ""), str)
    assert token["accessToken"]
    return token


def problem_of(response: requests.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem document of a response after checking its kind, status and headers."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    problem = checked_problem(response.json(), status, code)
    if code in RETRYABLE:
        assert int(response.headers["Retry-After"]) >= 1
    return problem


def checked_problem(problem: Any, status: int, code: str) -> dict[str, Any]:
    assert isinstance(problem, dict)
    assert set(problem) - {"provider"} == PROBLEM, f"members: {sorted(problem)}"
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["type"] == f"urn:token-broker:problem:{code}"
    assert all(isinstance(problem[name], str) and problem[name] for name in ("title", "detail", "requestId"))
    assert problem["retryable"] is (code in RETRYABLE)
    if "provider" in problem:
        assert set(problem["provider"]) <= {"status", "code", "message"}
        assert len(problem["provider"].get("message", "")) <= 200
    return problem
