"""A merchant's secret, held against the shapes that its provider takes. No message quotes a value."""

from collections.abc import Mapping
from typing import Any

from token_broker.errors import MerchantMisconfigured

VALUE_LIMIT = 4096

#: One way to fill a secret: the fields that all must be there.
Shape = frozenset[str]


def fields_of(
    provider: str,
    merchant: str,
    secret: Mapping[str, Any],
    *,
    shapes: tuple[Shape, ...],
    optional: Shape = frozenset(),
) -> dict[str, str]:
    """The secret's fields as strings. Raises `MerchantMisconfigured` that says which field is wrong, and how."""
    whose = f"The {provider} secret of merchant '{merchant}'"
    accepted = " or ".join(", ".join(sorted(shape)) for shape in shapes)
    if unknown := set(secret) - frozenset().union(*shapes) - optional:
        raise MerchantMisconfigured(f"{whose} has {len(unknown)} unknown field(s). It takes: {accepted}.")
    if not any(shape == set(secret) - optional for shape in shapes):
        present = ", ".join(sorted(set(secret))) or "none"
        raise MerchantMisconfigured(f"{whose} must have exactly these fields: {accepted}. It has: {present}.")
    for name, value in secret.items():
        if not isinstance(value, str):
            raise MerchantMisconfigured(f"{whose}: the field '{name}' must be a string.")
        if not value or len(value) > VALUE_LIMIT:
            raise MerchantMisconfigured(f"{whose}: the field '{name}' must have 1 to {VALUE_LIMIT} characters.")
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise MerchantMisconfigured(
                f"{whose}: the field '{name}' has blanks at its ends, or characters that a credential cannot have."
            )
    return dict(secret)
