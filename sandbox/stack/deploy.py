"""Run `sam deploy` of the built template on the emulator, unless it is deployed already."""

import contextlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.background.state import State
from sandbox.errors import StackError
from sandbox.local_aws.clients import LocalAws
from sandbox.settings import PROJECT, Settings
from sandbox.stack.build import THIS_MACHINE
from sandbox.stack.sam import run_sam

_LIMIT = 180


@dataclass(frozen=True)
class Deployment:
    """Hold the deployed stack's outputs, each resource's physical name by its logical name, and its template.

    The template is the deployed one, after its transforms: its loops are expanded, and it has no SAM resources.
    """

    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    template: Mapping[str, Any]


def deploy(settings: Settings, state: State, aws: LocalAws, parameters: Mapping[str, str], digest: str) -> Deployment:
    """Deploy the template with these parameters.

    Call it inside `build_folder`. Raises `StackError`.
    """
    stack, bucket = _names(PROJECT / "samconfig.toml")
    emulator = state.processes()["emulator"]
    wanted = {"digest": digest, "parameters": dict(parameters), "emulator": emulator.as_json()}
    if state.deployed == wanted and (found := _find(aws, stack)):
        return found
    state.deployed = None
    _make_bucket(aws, bucket)
    overrides = [f'{name}="{value}"' for name, value in parameters.items()]  # SAM accepts an empty value only in quotes
    run_sam(
        settings,
        state,
        *("deploy", "--template-file", str(THIS_MACHINE.template)),
        *("--parameter-overrides", *overrides),
        endpoint=aws.endpoint,
        seconds=_LIMIT,
    )
    found = _find(aws, stack)
    if found is None:
        raise StackError("The deploy succeeded, but there is no such stack.", settings.logs / "sam-deploy.log")
    state.deployed = wanted
    return found


def _find(aws: LocalAws, stack: str) -> Deployment | None:
    cloudformation = aws.client("cloudformation")
    with contextlib.suppress(cloudformation.exceptions.ClientError):
        description: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        return Deployment(
            {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])},
            {
                resource["LogicalResourceId"]: resource["PhysicalResourceId"]
                for page in pages
                for resource in page["StackResourceSummaries"]
            },
            cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"],
        )
    return None


def _names(samconfig: Path) -> tuple[str, str]:
    """Return the names of the stack and of the artifact bucket in the environment `local`."""
    local = tomllib.loads(samconfig.read_text())["local"]
    return local["global"]["parameters"]["stack_name"], local["deploy"]["parameters"]["s3_bucket"]


def _make_bucket(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
        s3.create_bucket(Bucket=bucket)
