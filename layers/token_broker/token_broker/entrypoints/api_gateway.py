"""The ways into a function: each reads its kind of event into the fields of an input, and writes answers its own way.

API         an API Gateway REST proxy event; answers are HTTP, failures problem documents
direct      the same fields as one plain JSON object; answers are plain JSON, failures exceptions named after the error
storefront  the API for browsers and apps: see `storefront_door`
queue       the same fields in SQS messages, many in one event: see `queue_door`
"""

import base64
import json
from collections.abc import Collection, Mapping
from typing import Any, ClassVar
from urllib.parse import unquote

from token_broker import strict_json
from token_broker.domain.grant import Grant
from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.inputs import Input, sources
from token_broker.errors import BrokerError, InvalidRequest, Unauthenticated, response_headers

#: Bytes; the largest honest body is some 6 KB.
BODY_LIMIT = 16 * 1024

#: Tokens and problems alike are for the caller alone.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class ApiGatewayAdapter:
    """API Gateway, REST API, Lambda proxy integration (payload 1.0)."""

    entry_point: ClassVar = "api"

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event
        self._context: Mapping[str, Any] = event["requestContext"]

    @property
    def request_id(self) -> str:
        """The id in the gateway's logs and its `x-amzn-RequestId` header. A client may choose it: it proves nothing."""
        return str(self._context.get("requestId", ""))

    def caller(self) -> str:
        """The IAM principal that signed, as the gateway has verified it; where it names none, nobody is let in."""
        identity = self._context.get("identity")
        who = (identity.get("userArn") or identity.get("accessKey")) if isinstance(identity, dict) else None
        if not isinstance(who, str) or not who:
            raise Unauthenticated("Sign the request with AWS Signature Version 4 (service execute-api).")
        return who

    def grant(self) -> Grant | None:
        """None: IAM has judged the caller."""
        return None

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """Path, query, header and body fields, each from its own place only.

        IAM has judged the path: a merchant that the query or the body names must never take its place.
        """
        wanted = sources(kind).values()
        fields: dict[str, Any] = {}
        path = self._path([source.name for source in wanted if source.encoded])
        for location, found in (("path", path), ("query", self._query()), ("body", self._body())):
            takes = [source.name for source in wanted if source.location == location]
            if found.keys() - set(takes):
                raise InvalidRequest(f"The {location} takes these fields and no others: {', '.join(takes) or 'none'}.")
            fields |= found
        for source in wanted:
            if source.location == "header" and (value := self._header(source.header)) is not None:
                fields[source.name] = value
        return fields

    def _path(self, encoded: Collection[str]) -> dict[str, Any]:
        """API Gateway leaves percent-encoding as it came. So does this with all that IAM policies can be about: a name
        that is written in another way must not be a name that they know.
        """
        given = self._event.get("pathParameters") or {}
        found = {name: value for name, value in given.items() if value is not None}
        try:
            return found | {name: unquote(found[name], errors="strict") for name in encoded if name in found}
        except UnicodeDecodeError:
            raise InvalidRequest("The path is not UTF-8 text, percent-encoded.") from None

    def _query(self) -> dict[str, Any]:
        many = self._event.get("multiValueQueryStringParameters") or {}
        if any(len(values or ()) != 1 for values in many.values()):
            raise InvalidRequest("Each query parameter can be given once.")
        given = self._event.get("queryStringParameters") or {}
        # A presigned request carries its signature here; the gateway has judged it.
        return {name: value for name, value in given.items() if not name.lower().startswith("x-amz-")}

    def _header(self, name: str) -> str | None:
        many = self._event.get("multiValueHeaders") or {
            key: [value] for key, value in (self._event.get("headers") or {}).items()
        }
        values = [value for key, listed in many.items() if key.lower() == name for value in listed or ()]
        return ", ".join(map(str, values)) if values else None  # what HTTP says that a repeated header means

    def _body(self) -> dict[str, Any]:
        text = self._event.get("body") or ""
        if not isinstance(text, str):
            raise InvalidRequest("The body must be text. Send one JSON object.")
        if len(text) > BODY_LIMIT * 2:
            raise InvalidRequest(f"The body must have at most {BODY_LIMIT} bytes.")
        try:
            octets = base64.b64decode(text, validate=True) if self._event.get("isBase64Encoded") else text.encode()
            if len(octets) > BODY_LIMIT:
                raise InvalidRequest(f"The body must have at most {BODY_LIMIT} bytes.")
            value = strict_json.loads(octets.decode()) if octets.strip() else {}
        except strict_json.NotStrictJson as reason:
            raise InvalidRequest(f"The body is not usable: {reason}. Send one JSON object.") from None
        except ValueError:  # base64 or UTF-8 that is none
            raise InvalidRequest("The body is not UTF-8 text. Send one JSON object.") from None
        if not isinstance(value, dict):
            raise InvalidRequest("The body must be one JSON object.")
        return value

    def respond(self, reply: Reply) -> dict[str, Any]:
        """A proxy response."""
        headers = {} if reply.revision is None else {"ETag": f'"{reply.revision}"'}
        return proxy_response(reply.status, to_json(reply.as_json()), "application/json", headers)

    def reject(self, error: BrokerError) -> dict[str, Any]:
        """A problem document."""
        problem = to_json(error.problem(self.request_id))
        return proxy_response(error.status, problem, "application/problem+json", response_headers(error))


def to_json(body: Any) -> str:
    """A body as JSON, in as few bytes as it takes."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def proxy_response(status: int, body: str, content_type: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """What API Gateway takes from a function; `headers` come before the usual ones."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": content_type, **_HEADERS, **headers},
        "body": body,
        "isBase64Encoded": False,
    }
