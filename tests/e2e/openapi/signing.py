"""Sign requests as backends, pages, apps and servers do, with the Python client."""

import functools
import json
import os
import re
from pathlib import Path

import requests
from requests.auth import AuthBase

from tests.e2e.support.storefronts import AUDIENCE
from token_broker_client import ProofSigner
from token_broker_client.aws import Signer

#: The folder of the run, with the names of its merchants.
FOLDER = Path(os.environ["TOKEN_BROKER_FUZZING"])
SIGNER = Signer()


@functools.cache
def names(kind: str) -> list[str]:
    """Return the names of one kind: backend, storefront, migration or token."""
    return [json.loads(line) for line in (FOLDER / kind).read_text().splitlines()]


class Backend(AuthBase):
    """Sign as a backend does."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body.encode() if isinstance(request.body, str) else request.body
        request.headers.update(SIGNER.signed("execute-api", str(request.method), str(request.url), {}, body))
        return request


class Page(AuthBase):
    """Name the page's origin, as a browser does."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Origin"] = _origin(_merchant(request))
        return request


class App(AuthBase):
    """Send a proof of the session that the body names."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {_proofs(_merchant(request)).sign(_session(request))}"
        return request


class Client(AuthBase):
    """Send a proof as a server or a native app does."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {_proofs(_merchant(request)).sign_client()}"
        return request


def _merchant(request: requests.PreparedRequest) -> str:
    found = re.search(r"/(?:storefront|clients)/([^/]*)/", str(request.url))
    return found[1] if found else ""


def _session(request: requests.PreparedRequest) -> str:
    try:
        return str(json.loads(request.body or b"")["sessionId"])
    except (ValueError, KeyError, TypeError):
        return "checkout-1"


def _origin(merchant: str) -> str:
    return f"https://{merchant}.example"


@functools.cache
def _proofs(merchant: str) -> ProofSigner:
    """Return the signer of a merchant of this run. Nobody has a key for another name, so its proofs are forged."""
    if merchant in names("storefront"):
        secret = f"{os.environ['TOKEN_BROKER_SECRET_PREFIX']}/storefront-proof/{merchant}"
        return ProofSigner.from_secret(secret, issuer=_origin(merchant), audience=AUDIENCE)
    return ProofSigner(lambda: json.dumps({"keys": {"first": "f" * 32}}), issuer=_origin(merchant), audience=AUDIENCE)
