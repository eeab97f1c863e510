"""Admit a page by its origin with boto3 and one client: the baseline for the storefronts' authorizers.

Its INIT is the minimum of a function with the AWS SDK. It has no Powertools, and reads the policy without checking it.
"""

import os
from typing import Any

import boto3

CLIENT = boto3.client("dynamodb")


def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Handle an authorizer request of API Gateway."""
    key = {"pk": {"S": f"policy#{event['pathParameters']['merchant']}"}, "sk": {"S": "policy"}}
    found: Any = CLIENT.get_item(TableName=os.environ["TOKEN_TABLE"], Key=key, ConsistentRead=True)["Item"]
    admitted = {"S": event["headers"]["Origin"]} in found["document"]["M"]["origins"]["L"]
    effect = "Allow" if admitted else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    print(effect, event["path"])
    return {
        "principalId": "storefront",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {},
    }
