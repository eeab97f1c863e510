"""Shopify's own client for Python (PyPI: ShopifyAPI), asked by another process.

`python -m tests.reference.official_shopify PORT` reads calls, one JSON object a line:
    {"call": "create", "title"} · {"call": "list"} · {"call": "find", "id"} · {"call": "delete", "id"}
each with {"shop", "token", "version": "2026-10" | null}; null takes the addresses without a version.
and answers each with one line: {"answer": …} or {"raised": the exception's class, "status", "body"}.

The client is built for https and Shopify's domain. Its settings `protocol` and `port` lead it elsewhere, and every name
is this machine here, as a hosts file could have it: so its Host header is a shop's, and nothing reaches Shopify.
It keeps its site and token in globals, and so has a process of its own.
"""

import json
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pyactiveresource.connection
import shopify

TIMEOUT_SECONDS = 5


def main() -> None:
    port = int(sys.argv[1])
    _every_name_is_this_machine()
    shopify.Session.setup(protocol="http", port=port)
    shopify.ShopifyResource.timeout = TIMEOUT_SECONDS
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answered(json.loads(line))) + "\n")
        sys.stdout.flush()


def _every_name_is_this_machine() -> None:
    resolve = socket.getaddrinfo

    def resolve_here(_host: object, port: Any, *more: Any, **options: Any) -> Any:
        return resolve("127.0.0.1", port, *more, **options)

    socket.getaddrinfo = resolve_here  # type: ignore[assignment]  # its types say more than is needed here


def _answered(wanted: Mapping[str, Any]) -> dict[str, Any]:
    # Any version will do where none is named: the site without one replaces it.
    session = shopify.Session(wanted["shop"], wanted["version"] or "unstable", wanted["token"])
    shopify.ShopifyResource.activate_session(session)
    if wanted["version"] is None:
        shopify.ShopifyResource.site = f"{session.protocol}://{session.url}/admin"
    try:
        return {"answer": _CALLS[wanted["call"]](wanted)}
    except pyactiveresource.connection.ConnectionError as refusal:
        response = refusal.response
        return {"raised": type(refusal).__name__, "status": response.code, "body": response.body.decode()}
    finally:
        shopify.ShopifyResource.clear_session()


def _create(wanted: Mapping[str, Any]) -> dict[str, Any]:
    made = shopify.StorefrontAccessToken.create({"title": wanted["title"]})
    return {"token": made.to_dict(), "isNew": made.is_new(), "errors": made.errors.full_messages()}


def _delete(wanted: Mapping[str, Any]) -> None:
    shopify.StorefrontAccessToken({"id": wanted["id"]}).destroy()


_CALLS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "create": _create,
    "list": lambda _: [each.to_dict() for each in shopify.StorefrontAccessToken.find()],
    "find": lambda wanted: shopify.StorefrontAccessToken.find(wanted["id"]).to_dict(),
    "delete": _delete,
}

if __name__ == "__main__":
    main()
