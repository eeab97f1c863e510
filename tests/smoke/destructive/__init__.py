"""The checks that create and revoke tokens, close sessions, or disturb the stack for some minutes."""

from tests.smoke.destructive import delivery, overload, tokens

CHECKS = (*tokens.CHECKS, *delivery.CHECKS, *overload.CHECKS)
