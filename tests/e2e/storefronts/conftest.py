"""What the tests of storefronts share: the simulated OIDC issuer, and what the authorizers write."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.local_aws.function_logs import messages
from sandbox.local_stack import Stack
from tests.e2e.conftest import Aws


@dataclass(frozen=True)
class AuthorizerLog:
    """The gateway tells a storefront nothing about what was wrong; the operator finds it here."""

    stack: Stack
    lambdas: Any
    logs: Any

    def decisions(self) -> Mapping[str, list[dict[str, Any]]]:
        """By merchant, a line for each decision, the oldest first."""
        found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        lines = [line for line in self._lines() if line.get("message") == "decided"]
        for line in sorted(lines, key=lambda line: str(line["timestamp"])):
            found[str(line.get("merchant"))].append(line)
        return found

    def _lines(self) -> Iterator[dict[str, Any]]:
        """Those that are ours: JSON objects."""
        for folder in ("storefronts/shop_authorizer", "storefronts/proof_authorizer"):
            function = self.stack.described["functions"][folder]
            group = self.lambdas.get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
            for message in messages(self.logs, group):
                yield from (json.loads(line) for line in message.splitlines() if line.startswith("{"))


@pytest.fixture(scope="session")
def issuer(stack: Stack) -> str:
    """Return the simulated OIDC issuer's address, the only loopback address from which the stack accepts keys."""
    return str(json.loads((stack.folder / "simulators.json").read_text())["issuer"])


@pytest.fixture(scope="session")
def authorizer_log(stack: Stack, aws: Aws) -> AuthorizerLog:
    return AuthorizerLog(stack, aws("lambda"), aws("logs"))
