"""Represent AWS calls: their service, operation and outcome."""

import hashlib
import re
from dataclasses import dataclass

from sandbox.http_server.messages import Request

#: `Credential=<key>/<date>/<region>/<service>/aws4_request` in a SigV4 signature.
_SCOPE = re.compile(r"Credential=[^/,]+/\d{8}/[^/,]+/([a-z0-9-]+)/aws4_request")


@dataclass
class Call:
    """Record one call.

    `forwarded` says whether AWS received it. `status` is AWS's response, even if a fault changed it. It is None until
    then.
    """

    number: int
    service: str
    operation: str
    body: bytes
    fault: str | None = None
    forwarded: bool = False
    status: int | None = None

    def as_json(self) -> dict[str, object]:
        """Return the call without its body, which can contain a token or a secret.

        `digest` is the same for calls with the same body, such as the SDK's retries.
        """
        return {
            "number": self.number,
            "service": self.service,
            "operation": self.operation,
            "fault": self.fault,
            "forwarded": self.forwarded,
            "status": self.status,
            "digest": hashlib.sha256(self.body).hexdigest()[:16],
        }


def call_of(number: int, request: Request) -> Call:
    """Return the call of a request.

    The services that functions use here name the operation in X-Amz-Target (`DynamoDB_20120810.GetItem`). For other
    services, the operation is the method and the path.
    """
    scope = _SCOPE.search(request.headers.get("authorization", ""))
    operation = request.headers.get("x-amz-target", "").rpartition(".")[2] or f"{request.method} {request.path}"
    return Call(number, scope[1] if scope else "unsigned", operation, request.body)
