"""Run the emulator: `python -m sandbox.local_aws.emulator_process STATE_DIR RUNTIME_PYTHON`.

The emulator runs functions with `sys.executable`. Here this is an environment with only the packages of the Lambda
runtime. A dependency that the layer lacks therefore fails as it would on AWS. STATE_DIR marks the command line.

This module corrects four emulator quirks:

    a handler's exception     see `function_failures`
    unpacking of archives     see `unpacking`
    the path of a request     The emulator decodes it before it looks for the route. A REST API on AWS keeps the path
                              as it was sent: an encoded slash does not separate segments, and a function receives its
                              path parameters percent-encoded.
    a batch of table records  The emulator ignores which records a function reports as failed, and repeats a failed
                              batch until it succeeds. AWS repeats from the first failed record on, as often as the
                              event source's MaximumRetryAttempts allows, and then continues with the next batch.
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
    """Wrap the emulator's REST API handler so that it receives the undecoded path."""

    @functools.wraps(handle)
    async def handled(host: str, path: str, *arguments: Any, raw_path: str | None = None, **options: Any) -> Any:
        return await handle(host, raw_path or path, *arguments, raw_path=raw_path, **options)

    return handled


def with_record_retries(
    execute: Callable[..., dict[str, Any]], mappings: Callable[[], Iterable[tuple[str, str, dict[str, Any]]]]
) -> Callable[..., dict[str, Any]]:
    """Wrap the emulator's execution of a function so that stream records are retried as on AWS.

    `mappings` returns every event source mapping, with its account and Region.
    """

    @functools.wraps(execute)
    def executed(function: dict[str, Any], event: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        source = _stream_of(event), function["config"]["FunctionName"]
        mapping = next(
            (each for _, _, each in mappings() if (each["EventSourceArn"], each["FunctionName"]) == source), None
        )
        if mapping is None:
            return execute(function, event, *arguments, **options)
        remaining: list[Any] = event["Records"]
        result: dict[str, Any] = {}
        # Without a setting, AWS retries until the records are a day old. Here there is no retry then.
        for _ in range(1 + int(mapping.get("MaximumRetryAttempts", 0))):
            result = execute(function, {"Records": remaining}, *arguments, **options)
            remaining = _unprocessed_records(result, remaining)
            if not remaining:
                break
        return {name: value for name, value in result.items() if name != "error"}

    return executed


def _stream_of(event: Any) -> str | None:
    """Return the stream of a batch, or None for any other event."""
    records = event.get("Records") if isinstance(event, dict) else None
    first = records[0] if isinstance(records, list) and records else None
    if not isinstance(first, dict) or first.get("eventSource") != "aws:dynamodb":
        return None
    return str(first.get("eventSourceARN"))


def _unprocessed_records(result: dict[str, Any], records: list[Any]) -> list[Any]:
    """Return the records to retry.

    These are all records if the function failed, otherwise those from the first failed record on.
    """
    if result.get("error"):
        return records
    body = result.get("body")
    failures = body.get("batchItemFailures") or [] if isinstance(body, dict) else []
    failed = {each.get("itemIdentifier") for each in failures}
    first = next((i for i, each in enumerate(records) if each["dynamodb"]["SequenceNumber"] in failed), len(records))
    return records[first:]


if __name__ == "__main__":
    main()
