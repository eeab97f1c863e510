"""Invoke the broker's functions without the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from token_broker_client.aws import SIGNATURE_REFUSALS, Signer
from token_broker_client.connections import Connections, HttpAnswer
from token_broker_client.errors import (
    Forbidden,
    InternalError,
    InvalidRequest,
    RateLimited,
    StackNotFound,
    TokenBrokerError,
    Unauthenticated,
    from_problem,
)
from token_broker_client.transport import Answer, json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_broker_client.deadline import Deadline
    from token_broker_client.operations import Operation


class DirectTransport:
    """Send operations to the functions, whose deployed names are by their folders.

    `endpoint` is Lambda's address, or None for that of the session's region.
    """

    def __init__(self, functions: Mapping[str, str], signer: Signer, endpoint: str | None = None) -> None:
        self._functions = functions
        self._signer = signer
        # botocore knows the addresses of all partitions, and what the configuration says.
        self._endpoint = (endpoint or str(signer.client("lambda").meta.endpoint_url)).rstrip("/")
        self._connections = Connections(signer.ca_bundle())

    def send(self, operation: Operation, fields: Mapping[str, Any], deadline: Deadline) -> Answer:
        """Invoke the operation's function once. Raises `TokenBrokerError`."""
        if operation.name not in self._functions:
            raise StackNotFound(f"The stack has no function {operation.name}.")
        name = quote(self._functions[operation.name], safe="")
        url = f"{self._endpoint}/2015-03-31/functions/{name}/invocations"
        event = {each: value for each, value in fields.items() if value is not None}
        body = json.dumps(event).encode()
        headers = {"Content-Type": "application/json"}
        signed = self._signer.signed("lambda", "POST", url, headers, body)
        return _read(self._connections.exchange("POST", url, signed, body, deadline))

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()


def _read(answer: HttpAnswer) -> Answer:
    """Return the function's result. Raises `TokenBrokerError`."""
    result = json_object(answer.body)
    if result is None:
        raise answer.malformed()
    if answer.status >= 300:
        raise _lambda_error(answer, result)
    if "x-amz-function-error" in answer.headers:
        raise _function_error(answer, result)
    revision = result.pop("revision", None)
    return Answer(result, answer.request_id, None, revision if isinstance(revision, int) else None)


def _function_error(answer: HttpAnswer, raised: Mapping[str, Any]) -> TokenBrokerError:
    """Return the error that the function raised. Its message is a problem document, unless the function has ended."""
    problem = json_object(str(raised.get("errorMessage", "")).encode(errors="replace"))
    try:
        return from_problem(problem or {}, request_id=answer.request_id, retry_after=None)
    except ValueError:
        kind = str(raised.get("errorType", "an unknown error"))[:100]
        return InternalError(f"The function ended with {kind}.", retryable=True, request_id=answer.request_id)


def _lambda_error(answer: HttpAnswer, said: Mapping[str, Any]) -> TokenBrokerError:
    """Return the error that Lambda answered with instead of invoking the function."""
    kind = answer.headers.get("x-amzn-errortype", "").partition(":")[0] or str(said.get("__type", "an error"))[:100]
    about: dict[str, Any] = {
        "status": answer.status,
        "request_id": answer.request_id,
        "retry_after": answer.retry_after,
    }
    detail = f"AWS Lambda answered {answer.status} {kind}."
    if any(each in kind for each in SIGNATURE_REFUSALS):
        return Unauthenticated(detail, **about)
    if answer.status == 403:
        return Forbidden(f"{detail} The principal needs lambda:InvokeFunction on this function.", **about)
    if answer.status == 404:
        return StackNotFound(f"{detail} The function does not exist any more.", **about)
    if answer.status == 429:
        return RateLimited(detail, retryable=True, **about)
    if answer.status >= 500:
        return InternalError(detail, retryable=True, **about)
    return InvalidRequest(detail, **about)
