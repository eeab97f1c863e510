"""Compare responses with the OpenAPI document."""

import hashlib
from collections.abc import Mapping
from typing import Any

import requests

from tests.contract_document import check_response, check_schema
from token_broker_client.connections import Connections, HttpAnswer
from token_broker_client.deadline import Deadline


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
    """Return the token of a response after checking its status."""
    assert response.status_code == status, response.text
    return checked_token(response.json())


def checked_token(token: Any) -> dict[str, Any]:
    """Return the token after comparing it with the OpenAPI document."""
    check_schema("Token", token)
    return dict(token)


def problem_of(response: requests.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem document of a response after checking its status and code."""
    assert response.status_code == status, response.text
    return checked_problem(response.json(), status, code)


def checked_problem(problem: Any, status: int, code: str) -> dict[str, Any]:
    """Return the problem document after comparing it with the OpenAPI document."""
    check_schema("Problem", problem)
    assert (problem["status"], problem["code"]) == (status, code), problem
    return dict(problem)
