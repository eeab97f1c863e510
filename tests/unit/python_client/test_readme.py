"""The examples of the client's README run, over a broker in memory."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from token_broker_client import ProofSigner, TokenBroker
from token_broker_client.testing import FakeTransport

README = (Path(__file__).parents[3] / "clients/python/README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
EVENT = {
    "source": "token-broker",
    "detail-type": "TokenRotated",
    "detail": {
        **dict.fromkeys(("eventId", "provider", "subject", "tokenId", "fingerprint", "previousTokenId"), "x"),
        "merchant": "acme",
        "occurredAt": 1,
        "rotationId": None,
        "overlapEndsAt": None,
        "compromised": True,
    },
}


def test_the_examples_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(TokenBroker, "from_stack", lambda _stack: TokenBroker(FakeTransport()))
    keys = json.dumps({"keys": {"k1": "x" * 32}})
    monkeypatch.setattr(ProofSigner, "from_secret", lambda _name, issuer: ProofSigner(lambda: keys, issuer=issuer))
    monkeypatch.setattr("token_broker_client.retries.Retries._wait", lambda *_: 0.0)
    monkeypatch.setattr("time.sleep", lambda _: None)
    names: dict[str, Any] = {}

    for example in EXAMPLES:
        exec(example, names)  # noqa: S102  # it is this repository's own
    names["handle"](json.dumps(EVENT))

    assert "fetch the token of acme again" in capsys.readouterr().out
    assert names["proof"].count(".") == 2


def test_the_first_token_takes_eight_lines() -> None:
    assert len(EXAMPLES[0].splitlines()) <= 8
