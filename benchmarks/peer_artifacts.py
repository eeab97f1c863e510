"""Assemble the handlers that ours are compared with, as they are deployed.

All of them are compiled. The usual handler exists also *as deployed*: `sam build` ships no bytecode and Lambda's file
system is read-only, so Python compiles it and its packages at each cold start.

The AWS SDK is not copied, although the tracer's packages bring one. The Lambda runtime provides it with bytecode, as
for our own functions. A copy would make the usual handler even slower.
"""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from benchmarks.errors import CannotMeasureError
from benchmarks.paths import BENCH_PACKAGES, PEER_ARTIFACTS, PEERS, RUNTIME_PYTHON

_FROM_THE_RUNTIME = re.compile(r"(boto3|botocore|s3transfer|jmespath|dateutil|python_dateutil|six)([-.].*)?")
_NOT_SHIPPED = re.compile(r"pip(-.*)?|__pycache__")


def usual(*, bytecode: bool) -> Path:
    """Return the folder with the usual handler and its packages."""
    return _artifact("usual", bytecode=bytecode, packages=True)


def compiled(name: str) -> Path:
    """Return the folder with a peer's handler, which needs no packages but the layer's."""
    return _artifact(name, bytecode=True, packages=False)


def _artifact(name: str, *, bytecode: bool, packages: bool) -> Path:
    """Return the folder. It is made at the first use and kept until the handler or its packages change."""
    stamp, handler = BENCH_PACKAGES.parents[2] / ".installed", PEERS / name / "app.py"
    if not stamp.exists() or not RUNTIME_PYTHON.exists():
        raise CannotMeasureError("The environments are missing: run `make bench`, which installs them.")
    digest = hashlib.sha256(stamp.read_bytes() + handler.read_bytes()).hexdigest()[:12]
    folder = PEER_ARTIFACTS / f"{name}-{digest}-{'bytecode' if bytecode else 'as-deployed'}"
    if folder.exists():
        return folder
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    if packages:
        shutil.copytree(BENCH_PACKAGES, unfinished, ignore=_left_out)
    else:
        unfinished.mkdir(parents=True)
    shutil.copy2(handler, unfinished / "app.py")
    if bytecode:
        compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(unfinished)]
        subprocess.run([str(RUNTIME_PYTHON), *compile_all], check=True)
    unfinished.rename(folder)
    return folder


def _left_out(folder: str, names: list[str]) -> list[str]:
    top = Path(folder) == BENCH_PACKAGES
    return [name for name in names if _NOT_SHIPPED.fullmatch(name) or (top and _FROM_THE_RUNTIME.fullmatch(name))]
