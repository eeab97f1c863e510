"""Define the targets, and compare the figures with them."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from benchmarks.built_artifacts import Layer
from benchmarks.results import Results

#: `make bench` fails if a ratio is more than so many times its target. Two runs on the same machine differ by less.
ROOM = 1.1
LARGEST_LAYER = 9 * 1024 * 1024


class Target(NamedTuple):
    """Compare a ratio with its target, which is None for a ratio that is shown for context.

    The ratio is None if it was not measured. `bound` is where the run fails, if the target is out of reach for a reason
    that docs/explanation/start-up-time.md gives. `error` is the ratio's standard error, as a part of it.
    """

    what: str
    ratio: float | None
    target: float | None = None
    bound: float | None = None
    error: float = 0.0

    @property
    def undecided(self) -> bool:
        """Return whether the target is within two standard errors of the ratio."""
        if self.ratio is None or self.target is None:
            return False
        return abs(self.ratio - self.target) < 2 * self.error * self.ratio

    @property
    def met(self) -> bool | None:
        """Return whether the target is met, or None if that is undecided or there is nothing to compare."""
        if self.ratio is None or self.target is None or self.undecided:
            return None
        return self.ratio <= self.target

    @property
    def largest(self) -> float:
        """Return the largest ratio that does not fail the run."""
        return inf if self.target is None else self.target * ROOM if self.bound is None else self.bound


def targets(results: Results) -> list[Target]:
    """Return each target with this run's ratio. All of them are ratios of medians."""
    starts, warm, errors = results.starts, results.warm, results.errors
    ours, usual, client = starts["shopify-current"], starts["usual"], starts["one-client"].init_ms
    p50 = {each.function: each.p50_ms for each in results.latency if each.clients == 8}

    def target(
        what: str, ratio: float | None, largest: float, compared: str = "", bound: float | None = None
    ) -> Target:
        return Target(what, ratio, largest, bound, errors.get(compared, 0.0))

    return [
        target(
            "start, current token from the table ÷ floor",
            ours.start_ms / starts["floor"].start_ms,
            1.25,
            "shopify-current ÷ floor",
        ),
        Target("the same ÷ usual, as deployed", ours.start_ms / usual.start_ms),
        Target("the same ÷ usual, compiled", ours.start_ms / starts["usual-compiled"].start_ms),
        target(
            "start, Shop authorizer ÷ boto3 and one client",
            starts["shop-authorizer"].start_ms / client,
            0.45,
            "shop-authorizer ÷ one-client",
        ),
        target(
            "start, Proof authorizer ÷ boto3 and one client",
            starts["proof-authorizer"].start_ms / client,
            0.6,
            "proof-authorizer ÷ one-client",
            1.25,
        ),
        target(
            "warm, from memory ÷ one log line and one metric",
            warm["memory"].us / warm["one-line"].us,
            1.15,
            "memory ÷ one-line",
        ),
        target(
            "warm, one read ÷ botocore's defaults",
            warm["read"].us / warm["read-botocore"].us,
            0.25,
            "read ÷ read-botocore",
        ),
        target("peak memory ÷ usual, as deployed", ours.peak_mib / usual.peak_mib, 0.33),
        target(
            "p50 with 8 clients, from memory ÷ a function that prints one line",
            p50["shop-token"] / p50["one-line"] if p50 else None,
            1.05,
            "shop-token ÷ one-line",
            1.25,
        ),
    ]


def missed(compared: Sequence[Target]) -> list[str]:
    """Return a sentence for each ratio that fails the run, by more than noise can explain."""
    return [
        f"{each.what}: {each.ratio:.2f}, more than {each.largest:.2f}. "
        "docs/explanation/start-up-time.md says how to see what a handler imports."
        for each in compared
        if each.ratio is not None and each.ratio * (1 - 2 * each.error) > each.largest
    ]


def undecided(compared: Sequence[Target]) -> list[str]:
    """Return a sentence for each target that this run cannot decide."""
    return [
        f"{each.what}: undecided. Its rounds differ too much for a ratio so close to the target. Measure it again."
        for each in compared
        if each.undecided
    ]


def oversized(layer: Layer) -> list[str]:
    """Return a sentence if the layer is too large."""
    if layer.size <= LARGEST_LAYER:
        return []
    largest, size = layer.packages[0]
    have, may = f"{layer.size / 2**20:.1f} MiB", LARGEST_LAYER // 2**20
    part = f"{largest} with {size / 2**20:.1f}"
    return [f"The layer has {have}, more than {may}; its largest part is {part}. See layers/token_broker/Makefile."]
