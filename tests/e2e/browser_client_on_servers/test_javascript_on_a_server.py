"""The browser client's entry for servers, in Node: signed calls, and proofs that the broker accepts."""

import json
import subprocess

import pytest

from sandbox.local_stack import Stack
from tests.e2e.support.javascript import CLIENT, node
from tests.e2e.support.storefronts import AUDIENCE, KID, Shops

pytestmark = pytest.mark.audit


def test_a_server_signs_its_calls_and_its_proofs(stack: Stack, shops: Shops) -> None:
    shop = shops.open()
    request = {
        "url": stack.api_url,
        "merchant": shop.name,
        "credentials": {name: stack.described["credentials"][name] for name in ("accessKeyId", "secretAccessKey")},
        "region": stack.described["region"],
        "proof": {"key": shop.key, "kid": KID, "issuer": shop.origin, "audience": AUDIENCE},
    }

    done = subprocess.run(
        [str(node()), str(CLIENT / "tests/server_program.mjs")],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["ids"] == printed["rotated"]
    assert printed["ids"][0] != printed["ids"][1]
    assert printed["refused"] == ["TokenBrokerError", "merchant_not_found", True]
    assert printed["subject"] == "session:checkout-7"
    assert printed["shared"] == "shop"
    assert printed["rejected"] == ["TokenBrokerError", "unauthenticated", True]
