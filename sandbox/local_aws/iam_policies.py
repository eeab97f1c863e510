"""Evaluate IAM policies in the emulator as AWS does, where the emulator differs.

It never replaces policy variables, takes the ARN of a role's session for `aws:PrincipalArn`, and has actions for SQS
batches, which AWS does not have.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

#: A policy variable, such as ${aws:PrincipalTag/merchant}.
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def with_policy_variables(first_match: Callable[..., Any], value_of: Callable[[str, Any], Any]) -> Callable[..., Any]:
    """Wrap the emulator's search of a statement so that variables in resources and condition values are replaced.

    `value_of` returns the value of a condition key in a request. A variable without one value stays as it is written,
    so it matches no resource. A value with a wildcard does too, because AWS takes the wildcard literally.
    """

    @functools.wraps(first_match)
    def matched(context: Any, statements: Sequence[Any], effect: str) -> Any:
        def value(variable: re.Match[str]) -> str:
            found = value_of(variable[1], context)
            return found if isinstance(found, str) and not set(found) & set("*?") else variable[0]

        return first_match(context, [_replaced(statement, value) for statement in statements], effect)

    return matched


def with_role_arns(value_of: Callable[[str, Any], Any], roles: Any) -> Callable[[str, Any], Any]:
    """Wrap the emulator's value of a condition key so that `aws:PrincipalArn` of a session is its role's ARN.

    `roles` has the roles of all accounts by name.
    """

    @functools.wraps(value_of)
    def value(key: str, context: Any) -> Any:
        if key.lower() == "aws:principalarn" and context.principal_type == "AssumedRole":
            # arn:aws:sts::{account}:assumed-role/{role}/{session}, without the role's path.
            name = context.principal_arn.split("/")[1]
            return roles.get_scoped(context.principal_account, None, name)["Arn"]
        return value_of(key, context)

    return value


def with_actions_of_batches(action_of: Callable[..., str | None]) -> Callable[..., str | None]:
    """Wrap the emulator's action of a request so that an SQS batch has the action of its single call."""

    @functools.wraps(action_of)
    def action(service: str, *arguments: Any) -> str | None:
        found = action_of(service, *arguments)
        return found.removesuffix("Batch") if found is not None and service == "sqs" else found

    return action


def _replaced(statement: Any, value: Callable[[re.Match[str]], str]) -> Any:
    """Return the emulator's statement with its variables replaced."""
    parts = {name: getattr(statement, name) for name in ("resources", "not_resources", "conditions")}
    if "${" not in repr(parts):
        return statement
    return dataclasses.replace(statement, **{name: _filled(part, value) for name, part in parts.items()})


def _filled(part: Any, value: Callable[[re.Match[str]], str]) -> Any:
    if isinstance(part, str):
        return _VARIABLE.sub(value, part)
    if isinstance(part, list):
        return [_filled(each, value) for each in part]
    if isinstance(part, dict):
        return {key: _filled(each, value) for key, each in part.items()}
    return part
