"""Compare the processor time of a signed call: the Python client, and requests with botocore's signer.

    python -m benchmarks.client [ROUNDS]

Both call the same server in another process over kept connections, and get the same token. Their blocks of calls
alternate, so that whatever else the machine does meets both. The client also reads the answer into its class.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Queue, get_context
from typing import Any

import botocore.session
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from token_broker_client import TokenBroker

CALLS, ROUNDS, REGION = 100, 20, "eu-central-1"
#: What the client may take at most, as a multiple of the other.
LIMIT = 1.1
PATH = "/v1/merchants/acme/shopify/storefront-access-token"
TOKEN = {
    "provider": "shopify",
    "merchant": "acme",
    "tokenId": "1001",
    "accessToken": "0123456789abcdef0123456789abcdef",
    "tokenType": "storefront_access_token",
    "scope": ["unauthenticated_read_product_listings", "unauthenticated_read_checkouts"],
    "issuedAt": 1_795_255_200,
    "expiresAt": None,
    "subject": "shop",
    "title": "Token Broker",
    "use": {
        "in": "header",
        "name": "X-Shopify-Storefront-Access-Token",
        "url": "https://acme.example/api/graphql.json",
    },
    "providerData": {"shop": "acme.example"},
}


class _Canned(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    body = json.dumps(TOKEN).encode()
    # One packet for each answer.
    wbufsize = -1

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.body)))
        self.send_header("x-amzn-RequestId", "request-1")
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def _serve(port: "Queue[int]") -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Canned)
    port.put(server.server_address[1])
    server.serve_forever()


def _by_requests(url: str, session: Any) -> Callable[[], Any]:
    http, signer = requests.Session(), SigV4Auth(session.get_credentials(), "execute-api", REGION)

    def call() -> Any:
        signed = AWSRequest("GET", url + PATH)
        signer.add_auth(signed)
        response = http.get(url + PATH, headers=dict(signed.headers), timeout=30)
        response.raise_for_status()
        return response.json()

    return call


def _seconds(call: Callable[[], Any]) -> float:
    """Return the processor time of one call, as the mean of a block."""
    begun = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - begun) / CALLS


def main() -> int:
    context = get_context("spawn")
    port = context.Queue()
    server = context.Process(target=_serve, args=(port,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{port.get(timeout=60)}"
    session = botocore.session.Session()
    session.set_credentials("AKIDEXAMPLE", "a-secret-key", "a-session-token")
    broker = TokenBroker.at(f"{url}/v1", session=session, region=REGION)
    ways = {"client": broker.merchant("acme").shopify.current, "requests": _by_requests(url, session)}
    for call in ways.values():
        _seconds(call)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS):
        for name, call in ways.items():
            found[name].append(_seconds(call))
    server.terminate()
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*found.values(), strict=True))
    for name, seconds in found.items():
        print(f"{name:9} {statistics.median(seconds) * 1000:.3f} ms of processor time a call")
    print(f"ratio     {ratio:.2f} (at most {LIMIT})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
