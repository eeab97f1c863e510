"""The local AWS deploys types that the emulator refuses, and properties that it ignores."""

import json
from typing import Any

import pytest

from sandbox.local_stack import Stack

CALLS = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
POLICY = {"Version": "2012-10-17", "Statement": [CALLS]}
NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
METRIC = {"Namespace": "AWS/ApiGateway", "MetricName": "Count"}
TEMPLATE: dict[str, Any] = {
    "Parameters": {"Bounded": {"Type": "String"}},
    "Conditions": {"IsBounded": {"Fn::Equals": [{"Ref": "Bounded"}, "true"]}},
    "Resources": {
        "Query": {"Type": "AWS::Logs::QueryDefinition", "Properties": {"Name": "q", "QueryString": "fields @message"}},
        "Errors": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": "errors",
                "ComparisonOperator": "GreaterThanThreshold",
                "Threshold": 1,
                "EvaluationPeriods": 1,
                "Metrics": [
                    {"Id": "share", "Expression": "100 * m"},
                    {"Id": "m", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Sum"}},
                ],
            },
        },
        "Boundary": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": NOTHING}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "bounded",
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
                    ],
                },
                "PermissionsBoundary": {"Fn::If": ["IsBounded", {"Ref": "Boundary"}, {"Ref": "AWS::NoValue"}]},
            },
        },
        "Api": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {
                "Body": {
                    "openapi": "3.0.1",
                    "info": {"title": "api", "version": "1"},
                    "paths": {},
                    "x-amazon-apigateway-policy": {"Fn::If": ["IsBounded", POLICY, {"Ref": "AWS::NoValue"}]},
                }
            },
        },
    },
}


@pytest.mark.parametrize("bounded", ["true", "false"])
def test_a_stack_has_its_boundary_and_its_apis_policy_as_its_conditions_say(empty: Stack, bounded: str) -> None:
    """The second round updates the stack of the first."""
    cloudformation, iam, gateway = (empty.client(name) for name in ("cloudformation", "iam", "apigateway"))
    stacks = [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]]
    deploy, ready = (
        (cloudformation.update_stack, "stack_update_complete")
        if "types" in stacks
        else (cloudformation.create_stack, "stack_create_complete")
    )

    deploy(
        StackName="types",
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=[{"ParameterKey": "Bounded", "ParameterValue": bounded}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter(ready).wait(StackName="types", WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    found = cloudformation.describe_stack_resources(StackName="types")["StackResources"]
    names = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
    assert set(names) == set(TEMPLATE["Resources"])
    boundary = iam.get_role(RoleName="bounded")["Role"].get("PermissionsBoundary", {})
    assert boundary.get("PermissionsBoundaryArn") == (names["Boundary"] if bounded == "true" else None)
    assert ("policy" in gateway.get_rest_api(restApiId=names["Api"])) is (bounded == "true")
    assert len(empty.client("cloudwatch").describe_alarms(AlarmNames=["errors"])["MetricAlarms"]) == 1
