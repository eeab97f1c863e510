"""What every answer to a storefront must look like."""

from typing import Any

import requests

from tests.e2e.support.responses import checked_token, problem_of, token_of

EXPOSED = "ETag, Retry-After, X-Request-Id, x-amzn-RequestId"


def page_token(response: requests.Response, origin: str) -> dict[str, Any]:
    """Return a page's shop token after checking its short browser cache time and its single origin."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "public, max-age=30"
    etag = response.headers["ETag"]
    assert etag[0] == etag[-1] == '"'
    assert len(etag) > 10
    readable_by(response, origin)
    return checked_token(response.json())


def session_token(response: requests.Response, status: int, origin: str | None = None) -> dict[str, Any]:
    """Return a session's token after checking that no cache may keep it."""
    token = token_of(response, status)
    assert "ETag" not in response.headers
    readable_by(response, origin)
    return token


def refused_by_function(
    response: requests.Response, status: int, code: str, origin: str | None = None
) -> dict[str, Any]:
    """Return the function's problem after checking that it contains nothing from the provider."""
    problem = problem_of(response, status, code)
    assert "provider" not in problem
    assert response.headers["X-Request-Id"] == problem["requestId"]
    readable_by(response, origin)
    return problem


def refused_by_gateway(response: requests.Response, status: int, code: str) -> dict[str, Any]:
    """Return the gateway's or authorizer's problem after checking that any page may read it."""
    problem = problem_of(response, status, code)
    assert "X-Request-Id" not in response.headers
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in response.headers
    return problem


def readable_by(response: requests.Response, origin: str | None) -> None:
    """By pages of this origin and no other; None: by no page at all."""
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert response.headers["Vary"] == "Origin"
    assert response.headers.get("Access-Control-Allow-Origin") == origin
    assert response.headers.get("Access-Control-Expose-Headers") == (None if origin is None else EXPOSED)
