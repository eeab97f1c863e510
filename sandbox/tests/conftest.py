"""Simulators for the sandbox's own tests, as the contract tests have them."""

from tests.contract.conftest import control, simulators

__all__ = ["control", "simulators"]
