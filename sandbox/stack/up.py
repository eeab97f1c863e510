"""`make up`: build, start, deploy, complete, describe. Every step may find its work already done."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.stack import emulator, simulators
from sandbox.stack.accounts import store_demo_accounts
from sandbox.stack.aws import LocalAws
from sandbox.stack.build import build, build_folder
from sandbox.stack.completion import complete
from sandbox.stack.deploy import Deployment, deploy
from sandbox.stack.errors import StackError
from sandbox.stack.progress import Progress
from sandbox.stack.sam import run_sam
from sandbox.stack.settings import ACCESS_KEY_ID, PROJECT, PROVIDERS, REGION, SECRET_ACCESS_KEY, Settings
from sandbox.stack.state import State, locked, write_privately
from sandbox.stack.template import function_folders, function_id, load_template, parameter_default

#: Longer than any other command that may hold the lock.
_BUSY_AFTER = 5.0


def bring_up(settings: Settings, progress: Progress) -> dict[str, Any]:
    """The stack, as stack.json describes it. Raises StackError."""
    template = load_template(PROJECT / "template.yaml")
    _check_addresses(settings, template)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    busy = "Another `make up` or `make down` is at work in this folder: wait until it has ended."
    with locked(settings.state_dir / "lock", busy=busy, seconds=_BUSY_AFTER):
        state = State(settings.state_file)
        with build_folder():
            with progress.step("Building the functions and the layer"):
                digest = build(settings, state)
            with progress.step("Starting the local AWS"):
                aws = LocalAws(emulator.start(settings, state))
            control, base_urls = _providers(settings, state, progress)
            with progress.step("Deploying template.yaml"):
                deployment = deploy(settings, state, aws, base_urls, digest)
        with progress.step("Completing what the local AWS leaves out of the template"):
            complete(aws, template, deployment)
        if control is not None:
            with progress.step("Storing the demo merchants' secrets"):
                store_demo_accounts(aws, control, deployment.outputs["SecretPrefix"])
        stack = _describe(aws, template, deployment, base_urls)
        write_privately(settings.stack_file, stack)
        return stack


def _check_addresses(settings: Settings, template: dict[str, Any]) -> None:
    """Before anything is started or stopped: the deploy would refuse them too, but late and by another name."""
    for provider, address in settings.base_urls.items():
        parameter = template["Parameters"][f"{provider.capitalize()}BaseUrl"]
        if not re.fullmatch(parameter["AllowedPattern"], address):
            raise StackError(f"{provider.upper()}_BASE_URL is {address!r}: it {parameter['ConstraintDescription']}")


def build_only(settings: Settings, progress: Progress) -> None:
    """`make build`."""
    with build_folder(), progress.step("Building the functions and the layer"):
        build(settings, None)


def validate(settings: Settings, progress: Progress) -> None:
    """`sam validate --lint`: what `make check` asks of the template beside cfn-lint."""
    with progress.step("Validating template.yaml"):
        run_sam(settings, None, "validate", "--lint", "--template-file", "template.yaml", seconds=120)


def _providers(settings: Settings, state: State, progress: Progress) -> tuple[str | None, Mapping[str, str]]:
    """The simulators' control address, if they run, and the providers' addresses to deploy with."""
    if not settings.uses_simulators:
        simulators.stop(state)
        return None, settings.base_urls
    with progress.step("Starting the provider simulators"):
        addresses = simulators.start(settings, state)
    return addresses["control"], {provider: addresses[provider] for provider in PROVIDERS}


def _describe(
    aws: LocalAws, template: dict[str, Any], deployment: Deployment, base_urls: Mapping[str, str]
) -> dict[str, Any]:
    outputs, resources = deployment.outputs, deployment.resources
    folders = function_folders(PROJECT)
    if missing := [folder for folder in folders if function_id(folder) not in resources]:
        name = function_id(missing[0])
        raise StackError(f"template.yaml has no {name}, which functions/{missing[0]} needs.")
    return {
        # By path and number: names under .localhost resolve in curl and browsers, but not in every Python.
        "apiUrl": f"{aws.endpoint}/_aws/execute-api/{outputs['ApiId']}/v1",
        "endpointUrl": aws.endpoint,
        "region": REGION,
        "table": outputs["TableName"],
        "secretPrefix": outputs["SecretPrefix"],
        "functions": {folder: resources[function_id(folder)] for folder in folders},
        "eventBus": outputs["EventBusName"],
        "orderQueueUrl": aws.endpoint + urlsplit(outputs["OrderQueueUrl"]).path,
        "providers": {
            provider: base_urls.get(provider) or parameter_default(template, f"{provider.capitalize()}BaseUrl")
            for provider in PROVIDERS
        },
        "credentials": {"accessKeyId": ACCESS_KEY_ID, "secretAccessKey": SECRET_ACCESS_KEY},
    }
