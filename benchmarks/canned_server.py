"""Serve AWS and the three providers as one server on loopback with canned responses.

It responds within a tenth of a millisecond, so the measured time is the function's. Python's own HTTP server takes
several times as long. The `Scene` chooses the response of an AWS call. Requests are counted.
"""

import json
import threading
import time
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]

PROOF_KEY = "benchmark-" * 4

#: Made-up values of the shape and length that the providers' own have.
SECRETS: Mapping[str, Json] = {
    "fourthwall": {"username": "benchmark-user", "password": "benchmark-password"},
    "chicksx": {"apiKey": "benchmark-key", "clientId": "benchmark-client"},
    "shopify": {"shop": "benchmark.myshopify.com", "adminAccessToken": "shpat_" + "0" * 32},
    "storefront-proof": {"keys": {"benchmark": PROOF_KEY}},
}
SHOPIFY_TOKEN: Json = {
    "access_token": "0" * 32,
    "access_scope": "unauthenticated_read_product_listings,unauthenticated_write_checkouts",
    "created_at": "2026-11-21T10:00:00-05:00",
    "id": 1003303990,
    "admin_graphql_api_id": "gid://shopify/StorefrontAccessToken/1003303990",
    "title": "Benchmark",
}


@dataclass(frozen=True, eq=False)
class Scene:
    """Hold the table's items (DynamoDB's attribute values) by sort key, for every partition.

    `pages` are further answers to GET, by their path.
    """

    items: Mapping[str, Json] = field(default_factory=dict)
    pages: Mapping[str, Json] = field(default_factory=dict)


class CannedServer:
    """Serve as a context manager. `url` is the server's address."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.requests: Counter[str] = Counter()
        self._server = ThreadingTCPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def respond(self, method: str, path: str, target: str, body: bytes) -> tuple[int, Json]:
        """Return the status and the JSON body for one request."""
        if target:
            operation = target.rpartition(".")[2]
            self.requests[operation] += 1
            return 200, self._aws(operation, json.loads(body))
        self.requests[method] += 1
        if path in self.scene.pages:
            return 200, self.scene.pages[path]
        return _provider(method, path, body)

    def _aws(self, operation: str, asked: Json) -> Json:
        match operation:
            case "GetItem":
                item = self.scene.items.get(asked["Key"]["sk"]["S"])
                return {} if item is None else {"Item": {**item, **asked["Key"]}}
            case "Query":
                values = asked["ExpressionAttributeValues"]
                prefix, pk = values.get(":prefix", {"S": ""})["S"], {"pk": values[":pk"]}
                found = [{**item, **pk} for key, item in self.scene.items.items() if key.startswith(prefix)]
                return {"Items": found, "Count": len(found), "ScannedCount": len(found)}
            case "UpdateItem":
                return {"Attributes": _updated(asked)}
            case "PutItem" | "DeleteItem" | "TransactWriteItems":
                return {}
            case "GetSecretValue":
                name: str = asked["SecretId"]
                secret = SECRETS[name.split("/")[-2]]
                return {"Name": name, "VersionId": "1" * 32, "SecretString": json.dumps(secret)}
        raise ValueError(f"nothing is canned for {operation}")


def _updated(asked: Json) -> Json:
    """Return the item with a lease after an update that takes one, and only its key after others."""
    values = asked.get("ExpressionAttributeValues", {})
    names = {":owner": "owner", ":intent": "intentId", ":one": "fence"}
    return {**asked["Key"], **{name: values[sent] for sent, name in names.items() if sent in values}}


def _provider(method: str, path: str, body: bytes) -> tuple[int, Json]:
    if path == "/open-api/v1.0/public-token":
        return 200, {"token": "ptkn_" + "0" * 32}
    if path == "/public_token/create":
        ends = int(time.time()) + 3600
        scope = ["wallet.read", "merchant.read"]
        data = {
            "accessToken": "eyJ" + "0" * 600,
            "tokenType": "Bearer",
            "expiresIn": 3600,
            "expiresAt": ends,
            "scope": scope,
            "jti": "6a1f1d0e-3c52-4c1a-9b7c-0f4ef5f0a001",
        }
        return 201, {"code": "OK", "data": data, "message": "Created"}
    if method == "POST":
        title = json.loads(body)["storefront_access_token"]["title"]
        return 200, {"storefront_access_token": {**SHOPIFY_TOKEN, "title": title}}
    if method == "GET":
        return 200, {"storefront_access_tokens": [SHOPIFY_TOKEN]}
    return 200, {}


def _handler_of(server: CannedServer) -> type[StreamRequestHandler]:
    class Handler(StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            """Answer each request of a connection, which is kept, as AWS and the providers keep theirs."""
            while line := self.rfile.readline():
                method, path, _ = line.decode().split(" ", 2)
                headers: dict[str, str] = {}
                while header := self.rfile.readline().decode().strip():
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = self.rfile.read(int(headers.get("content-length", 0)))
                target = headers.get("x-amz-target", "")
                status, response = server.respond(method, path, target, body)
                content = json.dumps(response).encode()
                kind = "application/x-amz-json-1.0" if target else "application/json"
                # DynamoDB sends the checksum, and botocore checks it.
                checksum = f"x-amz-crc32: {zlib.crc32(content)}\r\n" if target else ""
                head = (
                    f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\n{checksum}Content-Length: {len(content)}\r\n\r\n"
                )
                self.wfile.write(head.encode() + content)

    return Handler
