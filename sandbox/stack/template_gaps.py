"""Apply the parts of the template that the emulator drops, through its APIs, after each deploy.

../local_aws/README.md lists them. Everything is read from the deployed template, in which loops are expanded and SAM's
resources are replaced by AWS's. A repetition changes nothing.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.local_aws.clients import LocalAws
from sandbox.stack.deploy import Deployment


def apply_template_gaps(aws: LocalAws, deployment: Deployment) -> None:
    """Apply what README.md lists to every table, function and API of the stack, and to its description."""
    for name, resource in deployment.template["Resources"].items():
        # A resource whose condition is false has no physical name.
        if (physical := deployment.resources.get(name)) is None:
            continue
        if resource["Type"] == "AWS::DynamoDB::Table":
            _complete_table(aws, physical, resource["Properties"])
        elif resource["Type"] == "AWS::Lambda::EventInvokeConfig":
            function = deployment.resources[resource["Properties"]["FunctionName"]["Ref"]]
            _configure_invocations(aws, function, resource["Properties"])
        elif resource["Type"] == "AWS::ApiGateway::RestApi":
            _complete_api(aws, physical, resource["Properties"]["Body"])
        elif resource["Type"] == "AWS::SSM::Parameter":
            _write_local_addresses(aws, physical, deployment.outputs)


def _complete_table(aws: LocalAws, table: str, properties: Mapping[str, Any]) -> None:
    dynamodb = aws.client("dynamodb")
    expiry = properties["TimeToLiveSpecification"]
    current = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if current.get("TimeToLiveStatus") != "ENABLED":
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"]
    )
    protected = dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled", False)
    dynamodb.update_table(
        TableName=table,
        SSESpecification={"Enabled": properties["SSESpecification"]["SSEEnabled"]},
        DeletionProtectionEnabled=str(protected).lower() == "true",
    )


def _configure_invocations(aws: LocalAws, function: str, properties: Mapping[str, Any]) -> None:
    aws.client("lambda").put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=properties["MaximumRetryAttempts"]
    )


def _complete_api(aws: LocalAws, api: str, definition: Mapping[str, Any]) -> None:
    gateway = aws.client("apigateway")
    for kind, response in definition.get("x-amazon-apigateway-gateway-responses", {}).items():
        gateway.put_gateway_response(restApiId=api, responseType=kind, **response)
    _complete_preflights(gateway, api, definition["paths"])
    for authorizer in gateway.get_authorizers(restApiId=api)["items"]:
        if "context." in authorizer.get("identitySource", ""):
            without_cache = {"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "0"}
            gateway.update_authorizer(restApiId=api, authorizerId=authorizer["id"], patchOperations=[without_cache])
    # This comes last, because a stage uses the responses of its deployment.
    for stage in gateway.get_stages(restApiId=api)["item"]:
        gateway.create_deployment(restApiId=api, stageName=stage["stageName"])


def _complete_preflights(gateway: Any, api: str, paths: Mapping[str, Any]) -> None:
    resources = {each["path"]: each["id"] for each in gateway.get_resources(restApiId=api, limit=500)["items"]}
    preflights = {path: methods["options"] for path, methods in paths.items() if "options" in methods}
    for path, preflight in preflights.items():
        integration = preflight["x-amazon-apigateway-integration"]
        mock = {**integration["responses"]["default"], "statusCode": "200"}
        options = {"restApiId": api, "resourceId": resources[path], "httpMethod": "OPTIONS"}
        gateway.put_integration(type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}, **options)
        gateway.put_method_response(
            statusCode=mock["statusCode"],
            responseParameters=dict.fromkeys(mock["responseParameters"], False),
            **options,
        )
        gateway.put_integration_response(
            statusCode=mock["statusCode"], responseParameters=mock["responseParameters"], **options
        )


def _write_local_addresses(aws: LocalAws, parameter: str, outputs: Mapping[str, str]) -> None:
    ssm = aws.client("ssm")
    described = json.loads(ssm.get_parameter(Name=parameter)["Parameter"]["Value"])
    local = {
        # Names under .localhost resolve in curl and browsers, but not in every Python.
        "apiUrl": f"{aws.endpoint}/_aws/execute-api/{outputs['ApiId']}/v1",
        "orderQueueUrl": aws.endpoint + urlsplit(outputs["OrderQueueUrl"]).path,
    }
    ssm.put_parameter(Name=parameter, Value=json.dumps(described | local), Overwrite=True)
