"""Find a deployed stack by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from token_broker_client.errors import MalformedAnswer
from token_broker_client.members import Model

if TYPE_CHECKING:
    from token_broker_client.aws import Signer

#: The parameter of AWS Systems Manager that the stack writes. The stack's name follows.
PARAMETER = "/token-broker/"


@dataclass(frozen=True, kw_only=True)
class Stack(Model):
    """Hold what callers of a stack need. `functions` are deployed names by folder. `extra` has all other members."""

    api_url: str
    region: str
    functions: Mapping[str, str]
    secret_prefix: str


def read_stack(name: str, signer: Signer) -> Stack:
    """Return the stack's description, from one parameter.

    Raises `StackNotFound`, `Forbidden`, `Unauthenticated`, `CredentialsUnavailable`, `RegionMissing`,
    `ConnectionFailed` or `MalformedAnswer`.
    """
    parameter = f"{PARAMETER}{name}"
    found = signer.read("ssm", "get_parameter", permission="ssm:GetParameter", Name=parameter)
    try:
        return Stack.from_json(json.loads(found["Parameter"]["Value"]))
    except ValueError:
        raise MalformedAnswer(f"The parameter {parameter} is not JSON.") from None
