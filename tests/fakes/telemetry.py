"""Telemetry that remembers what it was told."""


class RecordingTelemetry:
    """The `Telemetry` port."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, dict[str, object]]] = []
        self.counts: list[tuple[str, float, str]] = []
        self.annotations: dict[str, object] = {}
        self.provider = ""
        self.tries: list[tuple[str, int | str, float]] = []

    def notice(self, event: str, **fields: object) -> None:
        self.notices.append((event, fields))

    def about(self, provider: str) -> None:
        self.provider = provider

    def annotate(self, **fields: object) -> None:
        self.annotations |= fields

    def count(self, metric: str, value: float = 1, unit: str = "Count") -> None:
        self.counts.append((metric, value, unit))

    def observe(self, method: str, outcome: int | str, seconds: float) -> None:
        """One try of a call to the provider: `http.Observer`."""
        self.tries.append((method, outcome, seconds))

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.notices]

    def total(self, metric: str) -> float:
        return sum(value for name, value, _ in self.counts if name == metric)
