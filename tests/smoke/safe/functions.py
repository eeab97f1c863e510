"""The stack itself, its functions, and what starts them."""

from tests.smoke.deployed import Deployed
from tests.smoke.outcomes import DidNotRun, require


def the_last_deployment_is_complete(stack: Deployed) -> str:
    return require(
        stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"),
        stack.status,
        expected="CREATE_COMPLETE or UPDATE_COMPLETE",
        advice="read the stack's events from the first failure on, and deploy again",
    )


def a_production_stack_is_protected_against_deletion(stack: Deployed) -> str:
    if stack.parameters.get("Stage") != "production":
        raise DidNotRun("This is no production stack.")
    command = "aws cloudformation update-termination-protection --enable-termination-protection"
    return require(
        stack.protected,
        f"termination protection {'on' if stack.protected else 'off'}",
        expected="on",
        advice=f"{command} --stack-name {stack.name}",
    )


def every_function_is_active_and_has_the_same_version_of_the_layer(stack: Deployed) -> str:
    client = stack.client("lambda")
    names = stack.of("AWS::Lambda::Function").values()
    found = [client.get_function_configuration(FunctionName=name) for name in names]
    layers = {tuple(layer["Arn"].rpartition(":layer:")[2] for layer in each.get("Layers", [])) for each in found}
    states = {each.get("State", "Active") for each in found} | {
        each.get("LastUpdateStatus", "Successful") for each in found
    }
    return require(
        states <= {"Active", "Inactive", "Successful"} and len(layers) == 1,
        f"{len(found)} functions: {', '.join(sorted(states))}; layers: {_listed(layers)}",
        expected="no function is pending or failed, and all have one layer version",
        advice="deploy again: an update ended half way",
    )


def every_queue_and_the_stream_start_their_function(stack: Deployed) -> str:
    client = stack.client("lambda")
    found = [
        client.get_event_source_mapping(UUID=each) for each in stack.of("AWS::Lambda::EventSourceMapping").values()
    ]
    off = [
        each["EventSourceArn"].rpartition(":")[2]
        for each in found
        if each["State"] not in ("Enabled", "Enabling", "Updating")
    ]
    return require(
        found and not off,
        f"{len(found)} event source mappings, {len(off)} of them off{_named(off)}",
        expected="all are enabled",
        advice="aws lambda update-event-source-mapping --enabled --uuid {its id}",
    )


def the_scheduler_is_enabled(stack: Deployed) -> str:
    (name,) = stack.of("AWS::Scheduler::Schedule").values()
    schedule = stack.client("scheduler").get_schedule(Name=name)
    return require(
        schedule["State"] == "ENABLED",
        f"{schedule['State']}, {schedule['ScheduleExpression']}",
        expected="ENABLED, or pending work waits",
        advice="deploy with DispatchState=ENABLED",
    )


def workers_leave_a_quarter_of_the_concurrent_executions_to_requests(stack: Deployed) -> str:
    client = stack.client("lambda")
    limit = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    found = [
        client.get_event_source_mapping(UUID=each) for each in stack.of("AWS::Lambda::EventSourceMapping").values()
    ]
    workers = sum(each.get("ScalingConfig", {}).get("MaximumConcurrency", 1) for each in found)
    return require(
        limit - workers >= limit / 4,
        f"workers may use {workers} of {limit}",
        expected="a quarter is left to requests",
        advice="ask for 1,000 concurrent executions (docs/how-to/deploy.md), or lower WorkerConcurrency",
    )


def _listed(layers: set[tuple[str, ...]]) -> str:
    return " and ".join(sorted(", ".join(each) or "none" for each in layers))


def _named(names: list[str]) -> str:
    return f": {', '.join(sorted(names))}" if names else ""


CHECKS = (
    the_last_deployment_is_complete,
    a_production_stack_is_protected_against_deletion,
    every_function_is_active_and_has_the_same_version_of_the_layer,
    every_queue_and_the_stream_start_their_function,
    the_scheduler_is_enabled,
    workers_leave_a_quarter_of_the_concurrent_executions_to_requests,
)
