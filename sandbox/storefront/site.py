"""Serve the page and the backend that signs for its visitors, independent of sockets.

    GET  /                       the page, and its files
    GET  /configuration          {"apiUrl","merchant","shopOrigin","otherOrigin"}
    GET  /merchant_backend.py    the source of the part that signs
    POST /proof                  {"sessionId","proof"} for the session of this visitor's cookie
    POST /checkouts              {"sessionId"}: this visitor begins another checkout

The server has two names, 127.0.0.1 and localhost. To a browser they are two origins. The trust policy names the first.
Under the second, a browser can only read the page and its files, and nothing is signed.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.http_server.messages import Request, Response, json_response
from sandbox.local_stack import Stack
from sandbox.storefront.merchant_backend import sign_proof
from sandbox.storefront.visitors import Visitors

MERCHANT = "demo"
PAGE = Path(__file__).parent / "page"
BACKEND = Path(__file__).parent / "merchant_backend.py"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

type Route = Callable[[Request], Response]


class Site:
    """Respond to the shop's visitors.

    `stack_folder` is read for each request, because `make up` can deploy again while the shop is open.
    """

    def __init__(self, stack_folder: Path, port: int) -> None:
        self._stack_folder = stack_folder
        self._shop, self._other = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
        self._visitors = Visitors()
        self._key_stores: dict[str, Any] = {}
        files = {f"/{path.name}": path for path in PAGE.iterdir() if path.suffix in TYPES}
        files["/"] = PAGE / "index.html"
        self._reads: dict[str, Route] = {
            **{address: partial(self._file, path) for address, path in files.items()},
            "/configuration": self._configuration,
            "/merchant_backend.py": lambda _: Response(200, _text("text/plain"), BACKEND.read_bytes()),
        }
        self._writes: dict[str, Route] = {"/proof": self._proof, "/checkouts": self._checkout}

    def respond(self, request: Request) -> Response:
        response = self._dispatch(request)
        return Response(response.status, {**HEADERS, **response.headers}, response.body)

    def _dispatch(self, request: Request) -> Response:
        # DNS rebinding makes other names lead here.
        if _requested_origin(request) not in (self._shop, self._other):
            return _problem(421, "This server has the names 127.0.0.1 and localhost only.")
        writes = request.path in self._writes
        route = (self._writes if writes else self._reads).get(request.path)
        if route is None:
            return _problem(404, "There is nothing here.")
        if request.method not in (allowed := ("POST",) if writes else ("GET", "HEAD")):
            return _problem(405, f"This address takes {' and '.join(allowed)}.", {"Allow": ", ".join(allowed)})
        # A browser sends the origin of a POST, and no page can change it.
        if writes and {request.headers.get("origin"), _requested_origin(request)} != {self._shop}:
            return _problem(403, f"The merchant's backend signs for the shop's own page only: {self._shop}.")
        try:
            return route(request)
        except FileNotFoundError:
            return _problem(503, "The local stack is not up. Run `make up`.")

    def _file(self, path: Path, _request: Request) -> Response:
        headers = _text(TYPES[path.suffix])
        if path.suffix == ".html":
            headers["Content-Security-Policy"] = _content_security_policy(Stack.read(self._stack_folder).api_url)
        return Response(200, headers, path.read_bytes())

    def _configuration(self, _request: Request) -> Response:
        return json_response(
            200,
            {
                "apiUrl": Stack.read(self._stack_folder).api_url,
                "merchant": MERCHANT,
                "shopOrigin": self._shop,
                "otherOrigin": self._other,
            },
        )

    def _proof(self, request: Request) -> Response:
        session_id, cookie = self._visitors.session_of(request.headers.get("cookie"))
        stack = Stack.read(self._stack_folder)
        name = f"{stack.described['secretPrefix']}/storefront-proof/{MERCHANT}"
        proof = sign_proof(session_id, self._key_store(stack), name)
        return json_response(200, {"sessionId": session_id, "proof": proof}, _with(cookie))

    def _key_store(self, stack: Stack) -> Any:
        """Return a client of the stack's Secrets Manager.

        It is kept, because creating one costs more than calling it.
        """
        endpoint = stack.described["endpointUrl"]
        if endpoint not in self._key_stores:
            self._key_stores[endpoint] = stack.client("secretsmanager")
        return self._key_stores[endpoint]

    def _checkout(self, request: Request) -> Response:
        session_id, cookie = self._visitors.new_session(request.headers.get("cookie"))
        return json_response(200, {"sessionId": session_id}, _with(cookie))


def _with(cookie: str | None) -> dict[str, str]:
    return {} if cookie is None else {"Set-Cookie": cookie}


def _requested_origin(request: Request) -> str:
    """Return the origin that this request was sent to."""
    return f"http://{request.headers.get('host')}"


def _text(media_type: str) -> dict[str, str]:
    return {"Content-Type": f"{media_type}; charset=utf-8"}


def _content_security_policy(api_url: str) -> str:
    """Allow only this server's own files, and on the network only the API's storefront routes."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src 'self' {api_url}/storefront/",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps({"status": status, "detail": detail}).encode()
    return Response(status, {"Content-Type": "application/problem+json", **(headers or {})}, body)
