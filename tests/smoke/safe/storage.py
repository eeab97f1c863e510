"""The table of tokens and the queues."""

import json
from typing import Any

from tests.smoke.deployed import Deployed
from tests.smoke.outcomes import DidNotRun, require

#: Seconds: fourteen days, the longest that SQS allows.
_LONGEST = 1_209_600


def the_table_can_be_restored_to_any_second(stack: Deployed) -> str:
    found = stack.client("dynamodb").describe_continuous_backups(TableName=_table(stack))
    state = found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return require(
        state == "ENABLED", f"point-in-time recovery {state}", expected="ENABLED", advice="deploy the template again"
    )


def ended_items_leave_the_table(stack: Deployed) -> str:
    found = stack.client("dynamodb").describe_time_to_live(TableName=_table(stack))["TimeToLiveDescription"]
    seen = f"time to live {found['TimeToLiveStatus']} on {found.get('AttributeName', 'no attribute')}"
    return require(
        found["TimeToLiveStatus"] in ("ENABLED", "ENABLING") and found.get("AttributeName") == "expiresAt",
        seen,
        expected="ENABLED on expiresAt",
        advice="deploy the template again, or aws dynamodb update-time-to-live",
    )


def the_table_is_encrypted_with_a_managed_key(stack: Deployed) -> str:
    state = _description(stack).get("SSEDescription", {})
    return require(
        state.get("Status") == "ENABLED",
        f"{state.get('SSEType', 'no KMS')} {state.get('Status', '')}".strip(),
        expected="KMS ENABLED",
        advice="deploy the template again",
    )


def the_table_is_protected_against_deletion(stack: Deployed) -> str:
    if stack.parameters.get("DeletionProtection") == "false":
        raise DidNotRun("The stack was deployed with DeletionProtection=false.")
    protected = _description(stack).get("DeletionProtectionEnabled", False)
    return require(
        protected,
        "on" if protected else "off",
        expected="on",
        advice=f"aws dynamodb update-table --deletion-protection-enabled --table-name {_table(stack)}",
    )


def the_stream_of_the_table_has_keys_and_no_token(stack: Deployed) -> str:
    stream = _description(stack).get("StreamSpecification", {})
    seen = stream.get("StreamViewType", "no stream")
    return require(seen == "KEYS_ONLY", seen, expected="KEYS_ONLY", advice="deploy the template again")


def every_queue_is_encrypted(stack: Deployed) -> str:
    found = _queues(stack)
    open_ones = [
        name
        for name, attributes in found.items()
        if attributes.get("SqsManagedSseEnabled") != "true" and "KmsMasterKeyId" not in attributes
    ]
    seen = f"{len(found)} queues, not encrypted: {', '.join(open_ones) or 'none'}"
    return require(found and not open_ones, seen, expected="none", advice="deploy the template again")


def a_failed_message_is_kept_for_fourteen_days(stack: Deployed) -> str:
    found = _queues(stack)
    dead = {name: found[name] for name in found if "DeadLetter" in name}
    wrong = [name for name, attributes in dead.items() if int(attributes["MessageRetentionPeriod"]) < _LONGEST]
    wrong += [name for name, attributes in found.items() if name not in dead and not _redrives(attributes)]
    return require(
        dead and not wrong,
        f"{len(dead)} dead-letter queues, wrong: {', '.join(wrong) or 'none'}",
        expected="each queue has a dead-letter queue, which keeps messages for 14 days",
        advice="deploy the template again",
    )


def no_message_has_failed(stack: Deployed) -> str:
    found = _queues(stack)
    dead = {name: int(found[name]["ApproximateNumberOfMessages"]) for name in found if "DeadLetter" in name}
    seen = ", ".join(f"{name} {count}" for name, count in sorted(dead.items()))
    return require(
        not any(dead.values()), seen, expected="0 in each", advice="see the alarm's part of docs/how-to/runbook.md"
    )


def _table(stack: Deployed) -> str:
    return stack.outputs["TableName"]


def _description(stack: Deployed) -> dict[str, Any]:
    described: dict[str, Any] = stack.client("dynamodb").describe_table(TableName=_table(stack))["Table"]
    return described


def _queues(stack: Deployed) -> dict[str, dict[str, str]]:
    sqs = stack.client("sqs")
    return {
        name: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for name, url in stack.of("AWS::SQS::Queue").items()
    }


def _redrives(attributes: dict[str, str]) -> bool:
    return "deadLetterTargetArn" in json.loads(attributes.get("RedrivePolicy", "{}"))


CHECKS = (
    the_table_can_be_restored_to_any_second,
    ended_items_leave_the_table,
    the_table_is_encrypted_with_a_managed_key,
    the_table_is_protected_against_deletion,
    the_stream_of_the_table_has_keys_and_no_token,
    every_queue_is_encrypted,
    a_failed_message_is_kept_for_fourteen_days,
    no_message_has_failed,
)
