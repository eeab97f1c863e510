"""Assemble the usual handler as it is deployed: its app.py and its packages in one folder.

There are two variants. *As deployed*: `sam build` ships no bytecode and Lambda's file system is read-only, so Python
compiles at each cold start. *With bytecode*: the same files compiled, which is harder to beat.

The AWS SDK is not copied, although the tracer's packages bring one. The Lambda runtime provides it with bytecode, as
for our own functions. A copy would make the usual handler even slower.
"""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from benchmarks.errors import CannotMeasureError
from benchmarks.paths import BASELINE_ARTIFACTS, BASELINE_HANDLER, BENCH_PACKAGES, RUNTIME_PYTHON

_FROM_THE_RUNTIME = re.compile(r"(boto3|botocore|s3transfer|jmespath|dateutil|python_dateutil|six)([-.].*)?")
_NOT_SHIPPED = re.compile(r"pip(-.*)?|__pycache__")


def baseline_artifact(*, bytecode: bool) -> Path:
    """Return the folder.

    It is made at the first use and kept until the handler or its packages change.
    """
    stamp = BENCH_PACKAGES.parents[2] / ".installed"
    if not stamp.exists() or not RUNTIME_PYTHON.exists():
        raise CannotMeasureError("The environments are missing: run `make bench`, which installs them.")
    digest = hashlib.sha256(stamp.read_bytes() + BASELINE_HANDLER.read_bytes()).hexdigest()[:12]
    folder = BASELINE_ARTIFACTS / f"usual-{digest}-{'bytecode' if bytecode else 'as-deployed'}"
    if folder.exists():
        return folder
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(BENCH_PACKAGES, unfinished, ignore=_left_out)
    shutil.copy2(BASELINE_HANDLER, unfinished / "app.py")
    if bytecode:
        compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(unfinished)]
        subprocess.run([str(RUNTIME_PYTHON), *compile_all], check=True)
    unfinished.rename(folder)
    return folder


def _left_out(folder: str, names: list[str]) -> list[str]:
    top = Path(folder) == BENCH_PACKAGES
    return [name for name in names if _NOT_SHIPPED.fullmatch(name) or (top and _FROM_THE_RUNTIME.fullmatch(name))]
