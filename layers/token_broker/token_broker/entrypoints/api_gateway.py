"""Read the fields of an API Gateway event, and write HTTP responses. Failures become problem documents (RFC 9457)."""

import base64
import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote

from token_broker import strict_json
from token_broker.entrypoints.adapter import Invocation, Reply
from token_broker.entrypoints.inputs import Input, sources
from token_broker.errors import BrokerError, InvalidRequest, Unauthenticated, response_headers

#: In bytes. The largest valid body has about 6 KB.
BODY_LIMIT = 16 * 1024

#: Tokens and problems are for the caller only.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class ApiGatewayAdapter(Invocation):
    """Adapt an event of an API Gateway REST API with Lambda proxy integration (payload 1.0)."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event
        self._context: Mapping[str, Any] = event["requestContext"]
        # It is in API Gateway's logs and in `x-amzn-RequestId`. Clients can choose it, so it proves nothing.
        self.request_id = str(self._context.get("requestId", ""))

    def caller(self) -> str:
        """Return the IAM principal that API Gateway has verified. Raises `Unauthenticated` if there is none."""
        identity = self._context.get("identity")
        principal = (identity.get("userArn") or identity.get("accessKey")) if isinstance(identity, dict) else None
        if not isinstance(principal, str) or not principal:
            raise Unauthenticated("Sign the request with AWS Signature Version 4 (service execute-api).")
        return principal

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """Return path, query, header and body fields, each from its own location only. Raises `InvalidRequest`.

        IAM has checked the path. A merchant in the query or the body must never replace the one in the path.
        """
        wanted = sources(kind).values()
        fields: dict[str, Any] = {}
        path = self._path([source.name for source in wanted if source.encoded])
        for location, found in (("path", path), ("query", self._query()), ("body", self._body())):
            if not found:
                continue
            names = [source.name for source in wanted if source.location == location]
            if not found.keys() <= set(names):
                raise InvalidRequest(f"The {location} takes these fields and no others: {', '.join(names) or 'none'}.")
            fields |= found
        for source in wanted:
            if source.location == "header" and (value := self._header(source.header)) is not None:
                fields[source.name] = value
        return fields

    def _path(self, encoded: Collection[str]) -> dict[str, Any]:
        """Return the path fields. Only the fields in `encoded` are decoded.

        API Gateway does not decode the path. IAM policies match merchants in that form, so another spelling of a
        merchant must not become its name.
        """
        given = self._event.get("pathParameters") or {}
        found = {name: value for name, value in given.items() if value is not None}
        try:
            return found | {name: unquote(found[name], errors="strict") for name in encoded if name in found}
        except UnicodeDecodeError:
            raise InvalidRequest("The path must be percent-encoded UTF-8 text.") from None

    def _query(self) -> dict[str, Any]:
        many = self._event.get("multiValueQueryStringParameters") or {}
        if any(len(values or ()) != 1 for values in many.values()):
            raise InvalidRequest("Each query parameter can be given once.")
        given = self._event.get("queryStringParameters") or {}
        # A presigned request carries its signature here. API Gateway has verified it.
        return {name: value for name, value in given.items() if not name.lower().startswith("x-amz-")}

    def _header(self, name: str) -> str | None:
        many = self._event.get("multiValueHeaders") or {
            key: [value] for key, value in (self._event.get("headers") or {}).items()
        }
        values = [value for key, listed in many.items() if key.lower() == name for value in listed or ()]
        return ", ".join(map(str, values)) if values else None  # a repeated header is one list (RFC 9110, 5.3)

    def _body(self) -> dict[str, Any]:
        text = self._event.get("body")
        if not text:
            return {}
        if not isinstance(text, str):
            raise InvalidRequest("The body must be text. Send one JSON object.")
        try:
            octets = base64.b64decode(text, validate=True) if self._event.get("isBase64Encoded") else text.encode()
            if len(octets) > BODY_LIMIT:
                raise InvalidRequest(f"The body must have at most {BODY_LIMIT} bytes.")
            value = strict_json.loads(octets.decode()) if octets.strip() else {}
        except strict_json.NotStrictJson as reason:
            raise InvalidRequest(f"The body is not usable: {reason}. Send one JSON object.") from None
        except ValueError:  # not base64, or not UTF-8
            raise InvalidRequest("The body is not UTF-8 text. Send one JSON object.") from None
        if not isinstance(value, dict):
            raise InvalidRequest("The body must be one JSON object.")
        return value

    def respond(self, reply: Reply) -> dict[str, Any]:
        """Return a proxy response. A revision becomes the ETag."""
        headers = {} if reply.revision is None else {"ETag": f'"{reply.revision}"'}
        return proxy_response(reply.status, to_json(reply.as_json()), "application/json", headers)

    def reject(self, error: BrokerError) -> dict[str, Any]:
        """Return a problem document."""
        problem = to_json(error.problem(self.request_id))
        return proxy_response(error.status, problem, "application/problem+json", response_headers(error))


#: One encoder for all bodies, since `json.dumps` makes a new one at each call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_json(body: Any) -> str:
    """Return a body as compact JSON."""
    return _ENCODER.encode(body)


def proxy_response(status: int, body: str, content_type: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return a response in the form that API Gateway expects. `headers` override the default headers."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": content_type, **_HEADERS, **headers},
        "body": body,
        "isBase64Encoded": False,
    }
