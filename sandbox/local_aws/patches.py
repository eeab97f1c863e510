"""Correct the emulator's quirks that its API cannot correct, by replacing names in its modules.

README.md lists every quirk. The emulator's version decides which names it has, so a test compares them.
"""

import functools
import importlib
import importlib.metadata
from collections.abc import Awaitable, Callable
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from sandbox.local_aws.function_failures import PersistentProcesses, with_exception_names
from sandbox.local_aws.iam_policies import with_actions_of_batches, with_policy_variables, with_role_arns
from sandbox.local_aws.leading_keys import with_items_of_transactions, with_keys_of_items, with_leading_keys
from sandbox.local_aws.resource_types import with_decoded_paths, with_metric_math, with_more_types, with_resource_policy
from sandbox.local_aws.stream_retries import with_record_retries
from sandbox.local_aws.unpacking import zipfile_with_shared_files


class EmulatorChangedError(RuntimeError):
    """Report that the installed emulator lacks a name."""


class Patch(NamedTuple):
    """Describe one replaced name.

    `name` is its path in the module. `replace` receives the present value and the values of the names that it `reads`,
    each a module and a name, and returns the new value.
    """

    module: str
    name: str
    replace: Callable[..., Any]
    reads: tuple[tuple[str, str], ...] = ()

    def apply(self) -> None:
        """Replace the name.

        Raises `EmulatorChangedError` if the emulator lacks it, or a name that the replacement reads.
        """
        owner, _, attribute = self.name.rpartition(".")
        values = [_value(*name) for name in ((self.module, self.name), *self.reads)]
        setattr(_value(self.module, owner), attribute, self.replace(*values))


def _value(module: str, name: str) -> Any:
    """Return what the emulator's module has under that name, or the module for an empty name."""
    try:
        found = importlib.import_module(module)
        return attrgetter(name)(found) if name else found
    except (ImportError, AttributeError):
        version = importlib.metadata.version("ministack")
        raise EmulatorChangedError(
            f"ministack {version} has no {module}.{name}, which sandbox/local_aws/patches.py needs."
        ) from None


def patches(runtime_python: str, unpacked: Path) -> tuple[Patch, ...]:
    """Return what is replaced before the emulator starts.

    `runtime_python` is an environment with only the packages of the Lambda runtime. A dependency that the layer lacks
    therefore fails as it would on AWS. `unpacked` is the folder for unpacked archives.
    """
    processes = PersistentProcesses()
    runtime, functions = "ministack.core.lambda_runtime", "ministack.services.lambda_svc"
    actions, evaluator = "ministack.core.iam_actions", "ministack.core.iam_evaluator"
    types = "ministack.services.cloudformation.provisioners"
    tables, roles = ("ministack.services.dynamodb", "_tables"), ("ministack.services.iam", "_roles")
    return (
        Patch("ministack.app", "_handle_execute_api_request", with_raw_path),
        Patch(runtime, "sys.executable", lambda _own: runtime_python),
        Patch(runtime, "zipfile", lambda _module: zipfile_with_shared_files(unpacked)),
        Patch(runtime, "_PYTHON_WORKER_SCRIPT", processes.script),
        Patch(runtime, "Worker.invoke", processes.invoking),
        Patch(functions, "_execute_function_warm", with_exception_names),
        Patch(functions, "_execute_function", with_record_retries, reads=((functions, "_iter_all_esms"),)),
        Patch(actions, "extract_iam_action", with_actions_of_batches),
        Patch(actions, "dynamodb_service_context", with_leading_keys, reads=(tables,)),
        Patch(actions, "dynamodb_transaction_checks", with_items_of_transactions, reads=(tables,)),
        Patch(evaluator, "enforce", with_keys_of_items),
        Patch(evaluator, "_resolve_condition_key", with_role_arns, reads=(roles,)),
        Patch(evaluator, "_first_match", with_policy_variables, reads=((evaluator, "_resolve_condition_key"),)),
        Patch(types, "_RESOURCE_HANDLERS", with_more_types, reads=(roles,)),
        Patch(types, "_apigw_method_settings", with_decoded_paths),
        Patch(types, "_cw_metric_alarm_record", with_metric_math),
        Patch("ministack.services.apigateway_v1", "_import_rest_api", with_resource_policy),
    )


def with_raw_path(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Wrap the emulator's REST API handler so that it receives the path as it was sent.

    The emulator decodes it before it looks for the route. On AWS, an encoded slash does not separate segments, and a
    function receives its path parameters percent-encoded.
    """

    @functools.wraps(handle)
    async def handled(host: str, path: str, *arguments: Any, raw_path: str | None = None, **options: Any) -> Any:
        return await handle(host, raw_path or path, *arguments, raw_path=raw_path, **options)

    return handled
