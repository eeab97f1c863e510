"""Apply the parts of the template that the emulator drops, through its APIs, after each deploy.

../local_aws/README.md lists them. Everything is read from the template. A repetition changes nothing.
"""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.local_aws.clients import LocalAws
from sandbox.stack.deploy import Deployment


def apply_template_gaps(aws: LocalAws, template: Mapping[str, Any], deployment: Deployment) -> None:
    """Apply what README.md lists to every table, function, role and API of the template."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            _complete_table(aws, deployment.resources[name], resource["Properties"])
        elif resource["Type"] == "AWS::Serverless::Function":
            _complete_function(aws, deployment.resources[name], resource["Properties"])
        elif resource["Type"] == "AWS::IAM::Role":
            _complete_role(aws, deployment, deployment.resources[name], resource["Properties"])
        elif resource["Type"] == "AWS::Serverless::Api":
            _complete_api(aws, deployment.resources[name], resource["Properties"])


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


def _complete_function(aws: LocalAws, function: str, properties: Mapping[str, Any]) -> None:
    if (asynchronous := properties.get("EventInvokeConfig")) is not None:
        aws.client("lambda").put_function_event_invoke_config(
            FunctionName=function, MaximumRetryAttempts=asynchronous["MaximumRetryAttempts"]
        )


def _complete_role(aws: LocalAws, deployment: Deployment, role: str, properties: Mapping[str, Any]) -> None:
    statements = [each for policy in properties["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    # The loader's form of `!GetAtt Queue.Arn`.
    queues = [each["Resource"].removesuffix(".Arn") for each in statements if each["Action"] == "sqs:SendMessage"]
    if not queues:
        return
    principal = {"AWS": aws.client("iam").get_role(RoleName=role)["Role"]["Arn"]}
    sqs = aws.client("sqs")
    for url in (deployment.resources[queue] for queue in queues):
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        batches = {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessageBatch", "Resource": arn}
        policy = {"Version": "2012-10-17", "Statement": [batches]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})


def _complete_api(aws: LocalAws, api: str, properties: Mapping[str, Any]) -> None:
    gateway = aws.client("apigateway")
    for kind, response in properties.get("GatewayResponses", {}).items():
        headers = response.get("ResponseParameters", {}).get("Headers", {})
        gateway.put_gateway_response(
            restApiId=api,
            responseType=kind,
            statusCode=str(response["StatusCode"]),
            responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
            responseTemplates=response.get("ResponseTemplates", {}),
        )
    _complete_preflights(gateway, api, properties["DefinitionBody"]["paths"])
    for authorizer in gateway.get_authorizers(restApiId=api)["items"]:
        if "context." in authorizer.get("identitySource", ""):
            without_cache = {"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "0"}
            gateway.update_authorizer(restApiId=api, authorizerId=authorizer["id"], patchOperations=[without_cache])
    # This comes last, because a stage uses the responses of its deployment.
    gateway.create_deployment(restApiId=api, stageName=properties["StageName"])


def _complete_preflights(gateway: Any, api: str, paths: Mapping[str, Any]) -> None:
    resources = {each["path"]: each["id"] for each in gateway.get_resources(restApiId=api, limit=500)["items"]}
    for path, methods in paths.items():
        integration = methods["options"]["x-amazon-apigateway-integration"]
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
