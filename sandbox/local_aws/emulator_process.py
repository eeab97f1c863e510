"""The emulator's own process: `python -m sandbox.local_aws.emulator_process STATE_DIR RUNTIME_PYTHON`.

The emulator runs functions with `sys.executable`. Pointing that at an environment which holds only what
the Lambda runtime ships makes a dependency that the layer lacks fail here as it would on AWS. STATE_DIR
marks the command line.

What it makes of a function's exception is set right by `function_failures`, and what it unpacks by `unpacking`.

The emulator decodes a request's path before it looks for the route. A REST API of AWS keeps the path as it was sent: an
encoded slash is no other segment, and a function gets its path parameters percent-encoded; so it is here.

The emulator takes a batch of a table's stream for done whatever the function reports of its records, and one whose
function failed it hands out until it succeeds. AWS hands out what is left from the first failed record on, as often as
the event source's MaximumRetryAttempts says, and then goes on to the next batch; so it is here.
"""

import functools
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any


def main() -> None:
    runtime_python = sys.argv[2]
    sys.argv[1:] = []
    from ministack import app
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    from sandbox.local_aws.function_failures import PersistentProcesses, with_exception_names
    from sandbox.local_aws.unpacking import zipfile_with_shared_files

    sys.executable = runtime_python
    lambda_runtime.zipfile = zipfile_with_shared_files(Path(tempfile.gettempdir()) / "unpacked")
    persistent_processes = PersistentProcesses()
    lambda_runtime._PYTHON_WORKER_SCRIPT = persistent_processes.script(lambda_runtime._PYTHON_WORKER_SCRIPT)  # noqa: SLF001
    lambda_runtime.Worker.invoke = persistent_processes.invoking(lambda_runtime.Worker.invoke)
    app._handle_execute_api_request = with_raw_path(app._handle_execute_api_request)  # noqa: SLF001
    lambda_svc._execute_function_warm = with_exception_names(lambda_svc._execute_function_warm)  # noqa: SLF001
    lambda_svc._execute_function = with_record_retries(lambda_svc._execute_function, lambda_svc._iter_all_esms)  # noqa: SLF001
    app.main()


def with_raw_path(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The emulator's way to answer for a REST API, with the path as it came."""

    @functools.wraps(handle)
    async def handled(host: str, path: str, *arguments: Any, raw_path: str | None = None, **options: Any) -> Any:
        return await handle(host, raw_path or path, *arguments, raw_path=raw_path, **options)

    return handled


def with_record_retries(
    execute: Callable[..., dict[str, Any]], mappings: Callable[[], Iterable[tuple[str, str, dict[str, Any]]]]
) -> Callable[..., dict[str, Any]]:
    """The emulator's way to run a function, with the records of a table's stream tried as often as AWS would.

    `mappings` gives every event source mapping, with its account and region.
    """

    @functools.wraps(execute)
    def executed(function: dict[str, Any], event: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        whose = _stream_of(event), function["config"]["FunctionName"]
        mapping = next(
            (each for _, _, each in mappings() if (each["EventSourceArn"], each["FunctionName"]) == whose), None
        )
        if mapping is None:
            return execute(function, event, *arguments, **options)
        left: list[Any] = event["Records"]
        result: dict[str, Any] = {}
        # Without a setting AWS tries until the records are a day old; nobody waits for that here.
        for _ in range(1 + int(mapping.get("MaximumRetryAttempts", 0))):
            result = execute(function, {"Records": left}, *arguments, **options)
            left = _unprocessed_records(result, left)
            if not left:
                break
        return {name: value for name, value in result.items() if name != "error"}

    return executed


def _stream_of(event: Any) -> str | None:
    """The stream that a batch is of; None where the event is anything else."""
    records = event.get("Records") if isinstance(event, dict) else None
    first = records[0] if isinstance(records, list) and records else None
    if not isinstance(first, dict) or first.get("eventSource") != "aws:dynamodb":
        return None
    return str(first.get("eventSourceARN"))


def _unprocessed_records(result: dict[str, Any], records: list[Any]) -> list[Any]:
    """What a run has left of a batch: all of it where the function failed, else from the first failed record on."""
    if result.get("error"):
        return records
    body = result.get("body")
    failures = body.get("batchItemFailures") or [] if isinstance(body, dict) else []
    failed = {each.get("itemIdentifier") for each in failures}
    first = next((i for i, each in enumerate(records) if each["dynamodb"]["SequenceNumber"] in failed), len(records))
    return records[first:]


if __name__ == "__main__":
    main()
