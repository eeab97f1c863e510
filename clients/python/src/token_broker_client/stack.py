"""Find a deployed stack by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from token_broker_client.aws import SIGNATURE_REFUSALS, Signer
from token_broker_client.errors import (
    ConnectionFailed,
    CredentialsUnavailable,
    Forbidden,
    MalformedAnswer,
    StackNotFound,
    TokenBrokerError,
    Unauthenticated,
)
from token_broker_client.members import Model

#: The parameter of AWS Systems Manager that the stack writes. The stack's name follows.
PARAMETER = "/token-broker/"

_SECONDS, _ATTEMPTS = 5, 3


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
    config = Config(
        connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"mode": "standard", "total_max_attempts": _ATTEMPTS}
    )
    parameter = f"{PARAMETER}{name}"
    region = signer.region()
    try:
        found = signer.client("ssm", config=config).get_parameter(Name=parameter)
        return Stack.from_json(json.loads(found["Parameter"]["Value"]))
    except ClientError as refusal:
        raise _refusal(refusal, parameter, region) from None
    except ValueError:
        raise MalformedAnswer(f"The parameter {parameter} is not JSON.") from None
    except BotoCoreError as failure:
        kind = type(failure).__name__
        if "Credential" in kind or "Token" in kind:
            raise CredentialsUnavailable(f"The AWS credentials could not be loaded ({kind}).") from None
        raise ConnectionFailed(f"AWS Systems Manager did not answer ({kind}).", retryable=True) from None


def _refusal(refusal: ClientError, parameter: str, region: str) -> TokenBrokerError:
    code = str(refusal.response["Error"]["Code"])
    about: dict[str, Any] = {
        "status": refusal.response["ResponseMetadata"].get("HTTPStatusCode"),
        "request_id": refusal.response["ResponseMetadata"].get("RequestId"),
    }
    if code == "ParameterNotFound":
        return StackNotFound(
            f"There is no parameter {parameter} in {region}. Check the stack's name and region.", **about
        )
    if "AccessDenied" in code:
        return Forbidden(f"The principal needs ssm:GetParameter on {parameter}.", **about)
    if any(each in code for each in SIGNATURE_REFUSALS):
        return Unauthenticated(f"AWS does not accept the credentials ({code}).", **about)
    if "Throttl" in code or (about["status"] or 500) >= 500:
        return ConnectionFailed(f"AWS Systems Manager answered {code}.", retryable=True, **about)
    return StackNotFound(f"AWS Systems Manager refused the name {parameter} ({code}).", **about)
