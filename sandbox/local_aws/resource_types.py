"""Deploy the resource types and properties that the emulator's CloudFormation refuses or ignores."""

import functools
from collections.abc import Callable
from typing import Any

#: Types that are accepted and do nothing.
IGNORED = ("AWS::Logs::QueryDefinition",)
#: What is shown of an alarm on a metric that is calculated from others.
_CALCULATED = {"Namespace": "MetricMath", "MetricName": "MetricMath"}

#: What the emulator calls for a resource type: create, update and delete.
type Handlers = dict[str, Any]


def with_more_types(handlers: dict[str, Handlers], roles: Any) -> dict[str, Handlers]:
    """Add the types that are ignored, boundaries of roles, and concurrency by a parameter, to the emulator's own types.

    `roles` has the deployed roles by name. The mapping is changed in place, because other modules hold it too.
    """
    role = handlers["AWS::IAM::Role"]
    role["create"] = _with_boundary(role["create"], roles, 1)
    role["update"] = _with_boundary(role["update"], roles, 2)
    mapping = handlers["AWS::Lambda::EventSourceMapping"]
    mapping["create"] = _with_numeric_concurrency(mapping["create"], 1)
    mapping["update"] = _with_numeric_concurrency(mapping["update"], 2)
    handlers.update(dict.fromkeys(IGNORED, _NOTHING))
    return handlers


def with_metric_math(record_of: Callable[[str, dict[str, Any]], Any]) -> Callable[[str, dict[str, Any]], Any]:
    """Wrap the emulator's record of an alarm so that one with `Metrics` is an alarm on a metric that nothing writes."""

    @functools.wraps(record_of)
    def record(name: str, properties: dict[str, Any]) -> Any:
        if "Metrics" in properties:
            properties = {key: value for key, value in properties.items() if key != "Metrics"} | _CALCULATED
        return record_of(name, properties)

    return record


def with_decoded_paths(settings_of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Wrap the emulator's settings of a stage's methods so that a path's slashes can be written as `~1`."""

    @functools.wraps(settings_of)
    def settings(written: Any) -> Any:
        return {key.replace("/~1", "/").replace("~1", "/"): each for key, each in settings_of(written).items()}

    return settings


def with_resource_policy(imported: Callable[..., str]) -> Callable[..., str]:
    """Wrap the emulator's import of an API's definition so that it keeps the resource policy in it."""

    @functools.wraps(imported)
    def kept(definition: dict[str, Any], properties: dict[str, Any] | None = None) -> str:
        policy = definition.get("x-amazon-apigateway-policy")
        return imported(definition, {**(properties or {}), **({"policy": policy} if policy else {})})

    return kept


def _with_boundary(handle: Callable[..., Any], roles: Any, position: int) -> Callable[..., Any]:
    """Wrap the creation or update of a role, which has the role's properties at that position."""

    @functools.wraps(handle)
    def handled(*arguments: Any, **options: Any) -> Any:
        name, attributes = handle(*arguments, **options)
        roles[name]["PermissionsBoundary"] = arguments[position].get("PermissionsBoundary")
        return name, attributes

    return handled


def _with_numeric_concurrency(handle: Callable[..., Any], position: int) -> Callable[..., Any]:
    """Wrap the creation or update of an event source. A parameter's number is text, which its poller refuses."""

    @functools.wraps(handle)
    def handled(*arguments: Any, **options: Any) -> Any:
        scaling = arguments[position].get("ScalingConfig")
        if scaling is not None:
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return handle(*arguments, **options)

    return handled


_NOTHING: Handlers = {
    "create": lambda logical_id, _properties, stack: (f"{stack}-{logical_id}", {}),
    "update": lambda physical_id, *_others: (physical_id, {}),
    "delete": lambda *_arguments: None,
}
