"""Build, start, deploy and describe the local stack (`make up`).

Every step skips work that is done already.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.background.servers import fault_proxy, simulators, storefront
from sandbox.background.state import State, locked, write_privately
from sandbox.errors import StackError
from sandbox.fault_proxy.client import FaultProxyClient
from sandbox.local_aws import emulator
from sandbox.local_aws.clients import LocalAws
from sandbox.local_stack import Stack
from sandbox.settings import ACCESS_KEY_ID, PROJECT, SECRET_ACCESS_KEY, Settings
from sandbox.simulators.descriptor import providers
from sandbox.stack.build import THIS_MACHINE, Target, build, build_folder
from sandbox.stack.demo_merchants import store_demo_accounts, store_demo_policy
from sandbox.stack.deploy import deploy
from sandbox.stack.progress import Progress
from sandbox.stack.sam import run_sam
from sandbox.stack.template import load_template, parameter_default
from sandbox.stack.template_gaps import apply_template_gaps

#: Seconds. A short command releases the lock earlier.
_BUSY_AFTER = 5.0
#: Earlier names of functions, in stack.json for scripts that use them.
_FORMER_NAMES = {"shopify/maintain": "lifecycle/maintain"}


def bring_up(settings: Settings, progress: Progress) -> dict[str, Any]:
    """Bring the stack up, and return its description for stack.json.

    Raises `StackError`.
    """
    template = load_template(PROJECT / "template.yaml")
    _check_addresses(settings, template)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    busy = "Another `make up` or `make down` is running in this folder. Wait until it has ended."
    with locked(settings.state_dir / "lock", busy=busy, seconds=_BUSY_AFTER):
        state = State(settings.state_file)
        with build_folder():
            with progress.step("Building the functions and the layer"):
                digest = build(settings, state, THIS_MACHINE)
            with progress.step("Starting the local AWS"):
                aws = LocalAws(_local_aws(settings, state))
            simulated = _simulators(settings, state, progress)
            base_urls = {name: url for name, url in simulated.items() if name in providers()} or settings.base_urls
            with progress.step("Deploying template.yaml"):
                parameters = _parameters(settings, template, base_urls, simulated)
                deployment = deploy(settings, state, aws, parameters, digest)
        with progress.step("Applying the template settings that the local AWS drops"):
            apply_template_gaps(aws, deployment)
        if simulated:
            with progress.step("Storing the demo merchants' secrets"):
                store_demo_accounts(aws, simulated["control"], deployment.outputs["SecretPrefix"])
        stack = _describe(aws, deployment.outputs["DescriptionParameterName"])
        if simulated:
            with progress.step("Opening the demo storefront"):
                shop = stack["storefrontUrl"] = storefront(settings).start(settings, state)["url"]
                store_demo_policy(aws, Stack(stack, settings.state_dir), shop=shop, issuer=simulated["issuer"])
        else:
            storefront(settings).stop(state)
        write_privately(settings.stack_file, stack)
        return stack


def _check_addresses(settings: Settings, template: dict[str, Any]) -> None:
    """Check the providers and their addresses before anything is started or stopped.

    The deploy would reject them too, but later and under another name.
    """
    for provider in providers():
        if (name := f"{provider.capitalize()}BaseUrl") not in template["Parameters"]:
            raise StackError(f"template.yaml has no parameter {name}, which sandbox/simulators/{provider} needs.")
    for provider, address in settings.base_urls.items():
        parameter = template["Parameters"][f"{provider.capitalize()}BaseUrl"]
        if not re.fullmatch(parameter["AllowedPattern"], address):
            raise StackError(f"{provider.upper()}_BASE_URL is {address!r}: it {parameter['ConstraintDescription']}")
    parameter, origin = template["Parameters"]["LoopbackJwksOrigin"], settings.loopback_jwks_origin
    if not re.fullmatch(parameter["AllowedPattern"], origin):
        raise StackError(f"LOOPBACK_JWKS_ORIGIN is {origin!r}: it {parameter['ConstraintDescription']}")


def build_only(settings: Settings, progress: Progress, target: Target) -> None:
    """Build the functions and the layer (`make build`)."""
    with build_folder(), progress.step("Building the functions and the layer"):
        build(settings, None, target)


def validate(settings: Settings, progress: Progress) -> None:
    """Run `sam validate --lint`, which `make check` runs beside cfn-lint."""
    with progress.step("Validating template.yaml"):
        run_sam(settings, None, "validate", "--lint", "--template-file", "template.yaml", seconds=120)


def _local_aws(settings: Settings, state: State) -> str:
    """Start the emulator, with the fault proxy in front of it if wanted, and return its endpoint."""
    proxy = fault_proxy(settings)
    runs = state.process(proxy.module) is not None
    # The functions' AWS endpoint is fixed when the emulator starts.
    if state.process(emulator.NAME) is not None and runs is not settings.fault_proxy:
        here = "with" if runs else "without"
        raise StackError(f"The stack runs {here} the fault proxy. Run `make down` before you change that.")
    if not settings.fault_proxy:
        proxy.stop(state)
        return emulator.start(settings, state)
    addresses = proxy.start(settings, state)
    endpoint = emulator.start(settings, state, addresses["url"])
    FaultProxyClient(addresses["control"]).set_upstream(endpoint)
    return endpoint


def _simulators(settings: Settings, state: State, progress: Progress) -> Mapping[str, str]:
    """Start the simulators, and return their addresses by name.

    Returns an empty mapping if the caller brings other providers.
    """
    if not settings.uses_simulators:
        simulators(settings).stop(state)
        return {}
    with progress.step("Starting the provider simulators"):
        return simulators(settings).start(settings, state)


def _parameters(
    settings: Settings, template: dict[str, Any], base_urls: Mapping[str, str], simulated: Mapping[str, str]
) -> Mapping[str, str]:
    """Return all template parameters that a local stack may set.

    All are set each time, because a deploy keeps earlier values of the others.
    """
    names = {provider: f"{provider.capitalize()}BaseUrl" for provider in providers()}
    addresses = {name: base_urls.get(provider) or parameter_default(template, name) for provider, name in names.items()}
    return addresses | {"LoopbackJwksOrigin": settings.loopback_jwks_origin or simulated.get("issuer", "")}


def _describe(aws: LocalAws, parameter: str) -> dict[str, Any]:
    """Return the stack's description of itself, with what a local caller needs beyond it."""
    described = json.loads(aws.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"])
    del described["version"]
    functions = described["functions"]
    return {
        **described,
        "endpointUrl": aws.endpoint,
        "functions": functions | {name: functions[folder] for name, folder in _FORMER_NAMES.items()},
        "credentials": {"accessKeyId": ACCESS_KEY_ID, "secretAccessKey": SECRET_ACCESS_KEY},
    }
