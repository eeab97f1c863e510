"""What the product needs from logs and metrics."""

from typing import Protocol


class Telemetry(Protocol):
    """Where the product says what happened. Never given a secret or a token's value."""

    def notice(self, event: str, **fields: object) -> None:
        """Something that an operator should read."""
        ...

    def count(self, metric: str, value: float = 1, unit: str = "Count") -> None:
        """One number."""
        ...

    def annotate(self, **fields: object) -> None:
        """Add fields to the log line that ends this call."""
        ...
