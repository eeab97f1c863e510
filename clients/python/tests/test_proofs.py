"""Proofs, by their parts. The product's tests hold them against its authorizer."""

import base64
import contextlib
import hashlib
import hmac
import json
import threading
from typing import Any

import pytest

from loopback import Server, answer
from token_broker_client import ProofSigner, errors

NEW, OLD = "new-key-" * 4, "old-key-" * 4
SECRET = json.dumps({"keys": {"k1": OLD, "k2": NEW}})


def parts(proof: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, signature = proof.split(".")
    expected = hmac.digest(NEW.encode(), f"{header}.{claims}".encode(), hashlib.sha256)
    assert signature == base64.urlsafe_b64encode(expected).rstrip(b"=").decode()
    return decoded(header), decoded(claims)


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=="))


def test_a_proof_is_signed_with_the_newest_key() -> None:
    signer = ProofSigner(lambda: SECRET, issuer="https://shop.example", clock=lambda: 1000.5)
    header, claims = parts(signer.sign("s-1", plan="gold", exp=9_999_999, iss="https://evil.example"))
    assert header == {"alg": "HS256", "typ": "JWT", "kid": "k2"}
    assert claims == {
        "iss": "https://shop.example",
        "aud": "token-broker",
        "sid": "s-1",
        "plan": "gold",
        "iat": 1000,
        "exp": 1300,
    }


def test_a_proof_of_a_client_is_for_the_shop_and_names_no_session() -> None:
    signer = ProofSigner(lambda: SECRET, issuer="https://shop.example", clock=lambda: 1000.5)
    _, claims = parts(signer.sign_client(plan="gold", exp=9_999_999, sub="visitor-1"))
    assert claims == {
        "iss": "https://shop.example",
        "aud": "token-broker",
        "sub": "shop",
        "plan": "gold",
        "iat": 1000,
        "exp": 1300,
    }


def test_a_key_is_read_again_after_five_minutes() -> None:
    now, reads = [1000.0], []

    def read() -> str:
        reads.append(now[0])
        return SECRET

    signer = ProofSigner(read, issuer="https://shop.example", clock=lambda: now[0])
    for now[0] in (1000.0, 1299.0, 1300.0, 1200.0):
        signer.sign("s-1")
    assert reads == [1000.0, 1300.0, 1200.0]


def test_an_old_key_is_used_for_15_minutes_if_the_secret_cannot_be_read() -> None:
    now, reads = [1000.0], []

    def read() -> str:
        reads.append(now[0])
        if len(reads) > 1:
            raise errors.ConnectionFailed("No answer.", retryable=True)
        return SECRET

    signer = ProofSigner(read, issuer="https://shop.example", clock=lambda: now[0])
    for now[0] in (1000.0, 1300.0, 1329.0, 1330.0, 1899.0):
        parts(signer.sign("s-1"))
    now[0] = 1900.0
    with pytest.raises(errors.ConnectionFailed):
        signer.sign("s-1")
    assert reads == [1000.0, 1300.0, 1330.0, 1899.0, 1900.0]


def test_threads_read_a_secret_once() -> None:
    reads: list[str] = []
    both = threading.Barrier(2)

    def read() -> str:
        reads.append(SECRET)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.2)  # It breaks, unless two threads read at once.
        return SECRET

    signer = ProofSigner(read, issuer="https://shop.example")
    threads = [threading.Thread(target=signer.sign, args=("s-1",)) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(5)
    assert reads == [SECRET]


@pytest.mark.parametrize(
    "secret",
    ["", "x", "[]", "{}", '{"keys": {}}', '{"keys": ["k"]}', '{"keys": {"k1": 7}}', '{"keys": {"k1": "A-SHORT-KEY"}}'],
)
def test_a_secret_of_another_form(secret: str) -> None:
    with pytest.raises(errors.MalformedAnswer) as caught:
        ProofSigner(lambda: secret, issuer="https://shop.example").sign("s-1")
    assert "A-SHORT-KEY" not in str(caught.value)


def test_a_secret_is_read_from_secrets_manager(server: Server, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://{server.host}")
    server.replies = [answer({"SecretString": SECRET}), answer({"__type": "ResourceNotFoundException"}, 400)]
    parts(ProofSigner.from_secret("a-name", issuer="https://shop.example", session=session).sign("s-1"))
    assert json.loads(server.requests[0].body) == {"SecretId": "a-name"}
    with pytest.raises(errors.StackNotFound, match="a-name"):
        ProofSigner.from_secret("a-name", issuer="https://shop.example", session=session).sign("s-1")
