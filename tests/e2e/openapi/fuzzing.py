"""Run schemathesis on a stack, with merchants that exist, and keep its report in .local/fuzzing/."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sandbox.local_stack import Stack
from tests.e2e.support.own_stack import PROJECT
from tests.e2e.support.storefronts import Shops

DOCUMENT = PROJECT / "docs/reference/openapi.yaml"
REPORTS = PROJECT / ".local/fuzzing"
BACKENDS, STOREFRONTS, MIGRATIONS = 20, 5, 3


class Answer(NamedTuple):
    operation: str
    status: int
    seconds: float


@dataclass(frozen=True)
class Fuzzed:
    """How a run ended, what schemathesis said, and each answer of the API."""

    returncode: int
    said: str
    answers: list[Answer]

    def succeeded(self) -> Counter[str]:
        """Return how many requests of each operation had a status below 400."""
        return Counter(answer.operation for answer in self.answers if answer.status < 400)

    def figures(self) -> str:
        """Return the number of answers by operation and status."""
        statuses: dict[str, Counter[int]] = {}
        for answer in self.answers:
            statuses.setdefault(answer.operation, Counter())[answer.status] += 1
        slowest = max(answer.seconds for answer in self.answers)
        lines = [f"{operation}: {dict(sorted(found.items()))}" for operation, found in sorted(statuses.items())]
        return "\n".join([f"{len(self.answers)} answers, the slowest after {slowest:.1f} s", *lines])


def fuzz(name: str, stack: Stack, shops: Shops, *options: str, limit: float, faults: bool = False) -> Fuzzed:
    """Fuzz the stack with new merchants. Raises TimeoutExpired after `limit` seconds."""
    report = REPORTS / name
    shutil.rmtree(report, ignore_errors=True)
    report.mkdir(parents=True)
    pair = stack.described["credentials"]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        _write_names(folder, stack, shops)
        configuration = shutil.copy(Path(__file__).with_name("schemathesis.toml"), folder)
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("hooks.py")),
            "TOKEN_BROKER_FUZZING": made,
            "TOKEN_BROKER_SECRET_PREFIX": stack.described["secretPrefix"],
            **({"TOKEN_BROKER_FUZZING_FAULTS": str(stack.control_url)} if faults else {}),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AWS_ACCESS_KEY_ID": pair["accessKeyId"],
            "AWS_SECRET_ACCESS_KEY": pair["secretAccessKey"],
            "AWS_DEFAULT_REGION": stack.described["region"],
            "AWS_ENDPOINT_URL": stack.described["endpointUrl"],
        }
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "--no-color", "run"]
        command += [str(DOCUMENT), "--url", stack.api_url, "--report", "junit", "--report-dir", str(report), *options]
        ended = subprocess.run(
            command, env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=limit, check=False
        )
        lines = [line.split() for line in (folder / "answers").read_text().splitlines()]
    answers = [Answer(operation, int(status), float(seconds)) for operation, status, seconds in lines]
    fuzzed = Fuzzed(ended.returncode, ended.stdout + ended.stderr, answers)
    (report / "output.txt").write_text(f"{fuzzed.said}\n{fuzzed.figures()}\n")
    return fuzzed


def _write_names(folder: Path, stack: Stack, shops: Shops) -> None:
    backends = [shops.closed().name for _ in range(BACKENDS)]
    with stack.broker() as broker:
        token = broker.merchant(backends[0]).shopify.create("Fuzzed")
    names = {
        "backend": backends,
        "token": [token.token_id],
        "storefront": [shops.open().name for _ in range(STOREFRONTS)],
        "migration": [shops.merchants.to_migrate().name for _ in range(MIGRATIONS)],
    }
    for name, values in names.items():
        (folder / name).write_text("".join(f"{json.dumps(value)}\n" for value in values))
    # A folder that tempfile has made is readable by its owner alone.
    (folder / "secrets").write_text("\n".join(shops.merchants.values))
