"""Least privilege, in the template that CloudFormation gets: who may call what, and what each function may do."""

from typing import Any

import pytest

from tests.expected_functions import FUNCTIONS, IAM, PROOF, SHOP, TRUST, Function, statements
from tests.unit.transformed import PLACE, plain, resources, statements_of, transformed

ROUTES = {route: (function, who) for function in FUNCTIONS for route, who in function.routes.items()}
STOREFRONT_PATHS = sorted(route.split()[1] for route in ROUTES if "/storefront/" in route)
LAMBDA_TYPES = {"Function", "Permission", "EventInvokeConfig", "LayerVersion"}

by_name = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)


@pytest.fixture(scope="module")
def api() -> Any:
    """The API's definition, as API Gateway imports it."""
    return plain(resources("AWS::ApiGateway::RestApi")["Api"]["Body"])


def methods(api: Any) -> dict[str, Any]:
    return {f"{verb.upper()} {path}": each for path, verbs in api["paths"].items() for verb, each in verbs.items()}


# Functions and their roles


def test_the_functions_are_those_of_the_table_with_a_role_each() -> None:
    deployed = {name: plain(each["Role"]) for name, each in resources("AWS::Lambda::Function").items()}

    assert deployed == {f"{each.name}Function": plain({"Fn::GetAtt": f"{each.name}Role.Arn"}) for each in FUNCTIONS}
    assert set(resources("AWS::IAM::Role")) == {f"{each.name}Role" for each in FUNCTIONS}


@by_name
def test_a_role_may_do_exactly_this(function: Function) -> None:
    role = plain(resources("AWS::IAM::Role")[f"{function.name}Role"])

    assert set(role) == {"Description", "AssumeRolePolicyDocument", "Policies"}, "no managed policy above all"
    assert role["AssumeRolePolicyDocument"] == TRUST
    (policy,) = role["Policies"]
    assert policy["PolicyName"] == function.name
    assert set(policy["PolicyDocument"]) == {"Version", "Statement"}
    assert policy["PolicyDocument"]["Statement"] == statements(function, PLACE)


def test_no_policy_lies_beside_the_roles() -> None:
    kinds = {each["Type"] for each in transformed()["Resources"].values()}

    assert {kind for kind in kinds if kind.startswith("AWS::IAM::")} == {"AWS::IAM::Role"}
    assert {kind for kind in kinds if kind.startswith("AWS::Lambda::")} == {f"AWS::Lambda::{k}" for k in LAMBDA_TYPES}


def test_only_x_ray_is_allowed_for_every_resource_and_no_action_has_a_wildcard() -> None:
    for role in resources("AWS::IAM::Role").values():
        for statement in map(plain, statements_of(role)):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [action for action in actions if "*" in action]
            if statement["Resource"] == "*":
                assert {action.partition(":")[0] for action in actions} == {"xray"}


@by_name
def test_a_function_may_be_called_by_the_gateway_for_its_own_routes_alone(function: Function) -> None:
    called = f"{function.name}Function"
    allowed = [
        each
        for each in map(plain, resources("AWS::Lambda::Permission").values())
        if each["FunctionName"] in (called, PLACE.arn("lambda", f"function:{called}"))
    ]
    own = [f"*/{route.replace(' ', '', 1)}" for route in function.routes] or ["authorizers/*"]

    assert sorted(each["SourceArn"] for each in allowed) == sorted(
        PLACE.arn("execute-api", f"Api/{route.replace('{merchant}', '*').replace('{tokenId}', '*')}") for route in own
    )
    for each in allowed:
        assert (each["Action"], each["Principal"]) == ("lambda:InvokeFunction", "apigateway.amazonaws.com")
        assert set(each) == {"Action", "Principal", "SourceArn", "FunctionName"}


def test_nobody_may_call_any_other_function() -> None:
    assert len(resources("AWS::Lambda::Permission")) == len(ROUTES) + len([each for each in FUNCTIONS if each.decides])


# The API


def test_there_is_one_stage_with_throttles() -> None:
    """SAM adds one named "Stage", without any, unless it is told the version of OpenAPI."""
    (stage,) = resources("AWS::ApiGateway::Stage").values()
    (deployment,) = resources("AWS::ApiGateway::Deployment").values()

    assert stage["StageName"] == "v1"
    assert "StageName" not in deployment
    (settings,) = stage["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert plain(settings["ThrottlingRateLimit"]) == 100
    assert plain(settings["ThrottlingBurstLimit"]) == 200


def test_every_method_lets_in_whom_the_table_says_and_nothing_but_a_preflight_is_open(api: Any) -> None:
    deployed = {
        route: sorted(name for each in method.get("security", []) for name in each)
        for route, method in methods(api).items()
    }

    assert deployed == {
        **{route: [who] for route, (_, who) in ROUTES.items()},
        **{f"OPTIONS {path}": [] for path in STOREFRONT_PATHS},
    }
    assert {who for route, (_, who) in ROUTES.items() if " /merchants/" in route} == {IAM}
    assert {who for route, (_, who) in ROUTES.items() if " /storefront/" in route} == {SHOP, PROOF}


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_served_by_its_function_with_nobody_elses_rights(api: Any, route: str) -> None:
    function, _ = ROUTES[route]
    integration = methods(api)[route]["x-amazon-apigateway-integration"]

    assert integration["type"] == "aws_proxy"
    assert f":function:{function.name}Function/invocations" in integration["uri"]
    assert "credentials" not in integration, "the gateway would call the function as its caller"


@pytest.mark.parametrize(
    ("name", "definition"),
    [
        (SHOP, {"type": "request", "authorizerResultTtlInSeconds": 0}),
        (
            PROOF,
            {
                "type": "request",
                "authorizerResultTtlInSeconds": 60,
                "identitySource": "method.request.header.Authorization, context.path, context.httpMethod",
            },
        ),
    ],
)
def test_an_authorizers_answer_is_kept_for_the_same_proof_path_and_method_or_not_at_all(
    api: Any, name: str, definition: dict[str, Any]
) -> None:
    (function,) = [each for each in FUNCTIONS if each.decides == name]
    scheme = api["components"]["securitySchemes"][name]
    given = dict(scheme["x-amazon-apigateway-authorizer"])

    assert scheme["x-amazon-apigateway-authtype"] == "custom"
    assert f":function:{function.name}Function/invocations" in given.pop("authorizerUri")
    assert given == definition


def test_there_are_two_authorizers_beside_iam(api: Any) -> None:
    schemes = api["components"]["securitySchemes"]

    assert set(schemes) == {IAM, SHOP, PROOF}
    assert schemes[IAM]["x-amazon-apigateway-authtype"] == "awsSigv4"


@pytest.mark.parametrize("path", STOREFRONT_PATHS)
def test_a_preflight_is_answered_by_the_gateway_for_any_page_and_without_credentials(api: Any, path: str) -> None:
    (verb,) = [route.split()[0] for route in ROUTES if route.endswith(path)]
    method = methods(api)[f"OPTIONS {path}"]
    integration = method["x-amazon-apigateway-integration"]
    answer = integration["responses"]["default"]
    headers = {
        name.removeprefix("method.response.header."): value for name, value in answer["responseParameters"].items()
    }

    assert integration["type"] == "mock"
    assert headers == {
        "Access-Control-Allow-Origin": "'*'",
        "Access-Control-Allow-Methods": f"'{verb}'",
        "Access-Control-Allow-Headers": "'Authorization,Content-Type'",
        "Access-Control-Max-Age": "'3600'",
    }
    assert set(method["responses"][answer["statusCode"]]["headers"]) == set(headers), "others are dropped"


def test_signed_routes_answer_no_preflight(api: Any) -> None:
    assert {route.split()[1] for route in methods(api) if route.startswith("OPTIONS ")} == set(STOREFRONT_PATHS)


GATEWAY_STATUSES = {
    "MISSING_AUTHENTICATION_TOKEN": 401,
    "INVALID_SIGNATURE": 401,
    "EXPIRED_TOKEN": 401,
    "UNAUTHORIZED": 401,
    "ACCESS_DENIED": 403,
    "INVALID_API_KEY": 403,
    "WAF_FILTERED": 403,
    "DEFAULT_4XX": 403,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "RESOURCE_NOT_FOUND": 404,
    "REQUEST_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "THROTTLED": 429,
    "QUOTA_EXCEEDED": 429,
    "INTEGRATION_TIMEOUT": 504,
    "INTEGRATION_FAILURE": 503,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 503,
    "AUTHORIZER_FAILURE": 503,
    "DEFAULT_5XX": 500,
}


def test_every_answer_that_the_gateway_makes_is_ours(api: Any) -> None:
    made = {kind: int(each["statusCode"]) for kind, each in api["x-amazon-apigateway-gateway-responses"].items()}

    assert made == GATEWAY_STATUSES


@pytest.mark.parametrize("kind", GATEWAY_STATUSES)
def test_a_page_may_read_the_gateways_answer_without_credentials_and_nobody_keeps_it(api: Any, kind: str) -> None:
    parameters = api["x-amazon-apigateway-gateway-responses"][kind]["responseParameters"]
    headers = {name.removeprefix("gatewayresponse.header."): value for name, value in parameters.items()}

    assert headers.pop("Content-Type") == "'application/problem+json'"
    assert headers.pop("Cache-Control") == "'no-store'"
    assert headers.pop("Access-Control-Allow-Origin") == "'*'"
    assert headers.pop("Access-Control-Expose-Headers") == "'Retry-After,x-amzn-RequestId'"
    assert set(headers) <= {"WWW-Authenticate", "Retry-After"}


def test_credentials_are_allowed_nowhere() -> None:
    assert "access-control-allow-credentials" not in str(transformed()).lower()
