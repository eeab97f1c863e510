"""Check a merchant's secret against the shapes that its provider accepts. No message quotes a value."""

from collections.abc import Mapping
from typing import Any

from token_broker.errors import MerchantMisconfigured

VALUE_LIMIT = 4096

#: One valid set of fields. All of them are required.
Shape = frozenset[str]


def fields_of(
    provider: str,
    merchant: str,
    secret: Mapping[str, Any],
    *,
    shapes: tuple[Shape, ...],
    optional: Shape = frozenset(),
) -> dict[str, str]:
    """Return the secret's fields as strings. Raises `MerchantMisconfigured` with the field and what is wrong."""
    prefix = f"The secret {provider}/{merchant}"
    accepted = " or ".join(f"({', '.join(sorted(shape))})" for shape in shapes)
    if unknown := set(secret) - frozenset().union(*shapes) - optional:
        raise MerchantMisconfigured(
            f"{prefix} has {len(unknown)} unknown field(s). The accepted fields are: {accepted}."
        )
    if not any(shape == set(secret) - optional for shape in shapes):
        present = ", ".join(sorted(set(secret))) or "none"
        raise MerchantMisconfigured(f"{prefix} must have exactly these fields: {accepted}. It has: {present}.")
    for name, value in secret.items():
        if not isinstance(value, str):
            raise MerchantMisconfigured(f"{prefix}: the field '{name}' must be a string.")
        if not value or len(value) > VALUE_LIMIT:
            raise MerchantMisconfigured(f"{prefix}: the field '{name}' must have 1 to {VALUE_LIMIT} characters.")
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise MerchantMisconfigured(
                f"{prefix}: the field '{name}' must have printable ASCII characters only, and no spaces around them."
            )
    return dict(secret)
