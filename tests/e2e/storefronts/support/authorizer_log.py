"""What the storefronts' authorizers have written about their decisions."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.local_aws.function_logs import messages
from sandbox.signed_api import Stack

FOLDERS = ("storefronts/shop_authorizer", "storefronts/proof_authorizer")


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
        for folder in FOLDERS:
            function = self.stack.described["functions"][folder]
            group = self.lambdas.get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
            for message in messages(self.logs, group):
                for line in message.splitlines():
                    if line.startswith("{"):
                        yield json.loads(line)
