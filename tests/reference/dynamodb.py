"""DynamoDB as others built it: Amazon's own DynamoDB Local, and the local AWS that the stack runs on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.session import Session

from sandbox.background import environment
from sandbox.settings import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Settings
from tests.reference import paths
from tests.reference.servers import serving
from token_broker.aws.session import CONFIG

#: A start that is short, for few requests: none of the later, costlier compilers; little memory.
_JAVA_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m", "--enable-native-access=ALL-UNNAMED")


@contextmanager
def dynamodb_local() -> Iterator[Any]:
    """Yield a client of DynamoDB Local, which reads expressions as DynamoDB does but has no IAM.

    It knows no way to listen on loopback alone; it keeps nothing on disk, and tells Amazon nothing of its use.
    """
    jar = paths.dynamodb_local()
    libraries = f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}"
    command = [str(paths.java()), *_JAVA_OPTIONS, libraries, "-jar", str(jar)]
    chosen = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port"]
    with serving("DynamoDB Local", lambda port, _: [*command, *chosen, str(port)]) as address:
        yield _client(address)


@contextmanager
def local_aws() -> Iterator[Any]:
    with local_aws_endpoint() as address:
        yield _client(address)


@contextmanager
def local_aws_endpoint() -> Iterator[str]:
    python = paths.local_python()

    def command(_: int, folder: Path) -> list[str]:
        settings = Settings(folder)
        settings.scratch.mkdir()
        arguments = (folder, settings.runtime_python)
        return [str(python), "-m", "sandbox.local_aws.emulator_process", *map(str, arguments)]

    def variables(port: int, folder: Path) -> Mapping[str, str]:
        return environment.emulator(Settings(folder), port)

    with serving("The local AWS", command, variables=variables, path="/_ministack/health") as address:
        yield address


def _client(address: str) -> Any:
    """Return a client in its own session, with the functions' configuration and without botocore's handlers."""
    made: Any = Session(include_builtin_handlers=False).create_client(
        "dynamodb",
        region_name=REGION,
        endpoint_url=address,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=CONFIG,
    )
    made.list_tables()  # the first call is the slowest, and no test's
    return made
