"""The providers' exchanges as data: loading them, and bringing a simulator into the state they need."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.simulators import ControlClient
from tests.contract.exchanges.matching import example_of

FOLDER = Path(__file__).parent
ACCOUNT_NAME = "demo"


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; README.md describes the fields."""

    id: str
    seed: str | None
    section: str
    operation: str
    given: Mapping[str, Any]
    request: Mapping[str, Any]
    response: Mapping[str, Any]
    client: Mapping[str, Any] | None

    @property
    def provider(self) -> str:
        return str(self.given["account"]["provider"])

    @property
    def over_graphql(self) -> bool:
        return str(self.request["path"]).endswith("/graphql.json")

    def request_body(self) -> bytes | None:
        if "rawBody" in self.request:
            return str(self.request["rawBody"]).encode()
        return json.dumps(self.request["body"]).encode() if "body" in self.request else None

    def example_response(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body with each matcher replaced by the example of the contract page."""
        headers = {name: str(example_of(value)) for name, value in self.response["headers"].items()}
        if "rawBody" in self.response:
            return self.response["status"], headers, str(self.response["rawBody"]).encode()
        return self.response["status"], headers, json.dumps(example_of(self.response["body"])).encode()


def load_exchanges(*, provider: str | None = None) -> Sequence[Exchange]:
    """All exchanges in a stable order, or those of one provider."""
    loaded = [Exchange(**value) for path in sorted(FOLDER.glob("*.json")) for value in json.loads(path.read_text())]
    return [each for each in loaded if provider in (None, each.provider)]


def prepare(control: ControlClient, exchange: Exchange) -> None:
    """Reset the simulators, then bring them into the state that the exchange is given."""
    control.reset()
    control.put_account(exchange.provider, ACCOUNT_NAME, **exchange.given["account"]["fields"])
    for token in exchange.given.get("tokens", []):
        control.plant_tokens(ACCOUNT_NAME, **token)
    for session_id in exchange.given.get("orders", []):
        control.place_order(session_id, ACCOUNT_NAME)
    for fault in exchange.given.get("faults", []):
        control.fault(exchange.provider, **fault)
