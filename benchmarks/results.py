"""Hold what one run found, as results/figures.json has it."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.paths import BENCH_PACKAGES, RUNTIME_PYTHON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.latency import Latency
    from benchmarks.measured_process import Measured
    from benchmarks.warm import Warm

_PACKAGES = {"aws-lambda-powertools": "powertools", "boto3": "boto3", "requests": "requests", "pydantic": "pydantic"}


class Start(NamedTuple):
    """Hold the medians of fresh processes until their first answer, in milliseconds and MiB.

    `first_at_share_ms` is the first invocation with a share of a processor, or None if that could not be measured.
    """

    title: str
    init_ms: float
    first_ms: float
    first_at_share_ms: float | None
    cpu_ms: float
    peak_mib: float
    modules: int

    @property
    def start_ms(self) -> float:
        """Return the time from the start of the process to its first answer, at a full processor."""
        return self.init_ms + self.first_ms

    @classmethod
    def of(cls, title: str, full: Sequence[Measured], at_share: Sequence[Measured]) -> Start:
        """Return the medians of runs at a full processor, and of runs with a share. INIT is the same in both."""
        return cls(
            title=title,
            init_ms=median(run.init for run in (*full, *at_share)) * 1000,
            first_ms=median(run.first for run in full) * 1000,
            first_at_share_ms=median(run.first for run in at_share) * 1000 if at_share else None,
            cpu_ms=median(run.cpu for run in full) * 1000,
            peak_mib=median(run.peak for run in full),
            modules=len(full[0].modules),
        )


#: The authorizer and the function of a storefront's first request.
OURS = ("shop-authorizer", "shopify-current")
USUAL = ("one-client", "usual-compiled")


class Results(NamedTuple):
    """Hold all figures of one run.

    `errors` has the standard errors of ratios, as parts of them, by the keys of what was compared. `noise` has a
    sentence for each sign of so much other work that no verdict is possible. `missing` has one for each part that could
    not be measured. `share` is the part of a processor that a function has after INIT, and `unlimited` is why it could
    not be given.
    """

    rounds: int
    share: float
    unlimited: str
    starts: Mapping[str, Start]
    warm: Mapping[str, Warm]
    latency: Sequence[Latency]
    errors: Mapping[str, float]
    noise: Sequence[str]
    missing: Sequence[str]

    def first_request(self, pair: Sequence[str]) -> tuple[float, float] | None:
        """Return the milliseconds of a storefront's first request, or None where no share could be measured.

        An authorizer and a function start in a row. The first number is their INIT, with a full processor. The second
        one is their first invocation, with a share of it.
        """
        both = [self.starts[key] for key in pair]
        at_share = [each.first_at_share_ms for each in both if each.first_at_share_ms is not None]
        return (sum(each.init_ms for each in both), sum(at_share)) if len(at_share) == len(both) else None


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "architecture": platform.machine(),
        "system": platform.system(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else ()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages of the handlers."""
    runtime = RUNTIME_PYTHON.parents[1] / "lib/python3.13/site-packages"
    # Lambda's runtime brings the SDK, so its version is the one that counts.
    installed = (each for folder in (BENCH_PACKAGES, runtime) for each in distributions(path=[str(folder)]))
    found = {each.name.replace("_", "-"): each.version for each in installed}
    return {"python": platform.python_version()} | {name: found[package] for package, name in _PACKAGES.items()}


def today() -> str:
    """Return the day of the run."""
    return datetime.now(UTC).date().isoformat()
