"""Least privilege, in the template that CloudFormation gets: who may call what, and what each function may do."""

import json
import re
import tomllib
from typing import Any

import pytest

from sandbox.stack.template import function_folders, function_id
from tests.deployed_function import CLIENT, IAM, PROOF, SHOP, Function
from tests.expected_functions import FUNCTIONS, SCHEDULE_ROLE, TRUST, statements
from tests.template_as_written import TEMPLATE, template
from tests.unit.repository.transformed import PLACE, plain, resources, statements_of, transformed
from token_broker import wiring
from token_broker.aws.store.outbox_items import PREFIX, REDELIVER_AFTER

ROUTES = {route: (function, who) for function in FUNCTIONS for route, who in function.routes.items()}
STOREFRONT_PATHS = sorted(route.split()[1] for route in ROUTES if "/storefront/" in route)
LAMBDA_TYPES = {"Function", "Permission", "EventInvokeConfig", "EventSourceMapping", "LayerVersion"}
TAKERS = [function for function in FUNCTIONS if function.takes]

#: In seconds. SQS keeps no message longer.
FOURTEEN_DAYS = 14 * 24 * 60 * 60

#: The kinds of resources whose names all Regions of an account share, with the property that names them.
GLOBAL_NAMES = {
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::S3::Bucket": "BucketName",
}

by_name = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)


def resource(kind: str, name: str) -> Any:
    return plain(resources(kind)[name])


def one(kind: str) -> Any:
    (properties,) = resources(kind).values()
    return plain(properties)


@pytest.fixture(scope="module")
def api() -> Any:
    return plain(resources("AWS::ApiGateway::RestApi")["Api"]["Body"])


def methods(api: Any) -> dict[str, Any]:
    return {f"{verb.upper()} {path}": each for path, verbs in api["paths"].items() for verb, each in verbs.items()}


# Functions and their roles


def test_the_functions_are_those_of_the_table_with_a_role_each() -> None:
    deployed = {name: plain(each["Role"]) for name, each in resources("AWS::Lambda::Function").items()}

    assert deployed == {f"{each.name}Function": plain({"Fn::GetAtt": f"{each.name}Role.Arn"}) for each in FUNCTIONS}
    others = {SCHEDULE_ROLE, "ApiGatewayAccountRole"}
    assert set(resources("AWS::IAM::Role")) == others | {f"{each.name}Role" for each in FUNCTIONS}


def test_each_function_is_built_from_its_own_folder() -> None:
    """A shared folder would change all artifacts with each change of one function."""
    resources_as_written = template()["Resources"]
    folders = {function_id(folder): f"functions/{folder}/" for folder in function_folders(TEMPLATE.parent)}

    assert {name: resources_as_written[name]["Properties"]["CodeUri"] for name in folders} == folders


@by_name
def test_a_function_is_as_all_others_and_knows_of_no_other_provider(function: Function) -> None:
    deployed = resource("AWS::Lambda::Function", f"{function.name}Function")
    known = {name.partition("_")[0].lower() for name in deployed["Environment"]["Variables"]} & set(wiring.PROVIDERS)
    own = {function.folder.partition("/")[0]} & set(wiring.PROVIDERS)
    served = {"lifecycle/maintain": {each.name for each in wiring.profiles() if each.capabilities.has_pending_work}}

    assert known == served.get(function.folder, own)
    assert {"TOKEN_TABLE", "SECRET_PREFIX"} <= set(deployed["Environment"]["Variables"])
    assert (deployed["Runtime"], deployed["TracingConfig"]) == ("python3.13", {"Mode": "Active"})
    assert deployed["RuntimeManagementConfig"] == {"UpdateRuntimeOn": "FunctionUpdate"}, "another SDK by a deploy alone"
    assert len(deployed["Layers"]) == 1


def test_a_function_is_not_repeated_unless_that_is_harmless_and_a_run_ends_before_the_next_begins() -> None:
    found = map(plain, resources("AWS::Lambda::EventInvokeConfig").values())
    configured = {each.pop("FunctionName").removesuffix("Function"): each for each in found}
    harmless = re.compile(r"(list|get|put|delete|close|allow|remove)_\w+|maintain|publish_events|\w+_authorizer")
    once = {each.name for each in FUNCTIONS if not harmless.fullmatch(each.folder.partition("/")[2])}

    assert set(configured) == once
    assert {each["MaximumRetryAttempts"] for each in configured.values()} == {0}
    assert configured["LifecycleDispatch"]["MaximumEventAgeInSeconds"] == 60
    assert resource("AWS::Lambda::Function", "LifecycleDispatchFunction")["Timeout"] < 60


def test_the_table_is_encrypted_and_protected_can_be_restored_and_forgets() -> None:
    table = resource("AWS::DynamoDB::Table", "TokenTable")

    assert (table["BillingMode"], table["DeletionProtectionEnabled"]) == ("PAY_PER_REQUEST", "true")
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "expiresAt"}
    (index,) = table["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["Projection"]) == ("due", {"ProjectionType": "KEYS_ONLY"})


@by_name
def test_a_role_may_do_exactly_this(function: Function) -> None:
    role = resource("AWS::IAM::Role", f"{function.name}Role")

    assert set(role) - {"ManagedPolicyArns"} == {"Description", "AssumeRolePolicyDocument", "Policies"}
    assert role["AssumeRolePolicyDocument"] == TRUST
    (policy,) = role["Policies"]
    assert policy["PolicyName"] == function.name
    assert set(policy["PolicyDocument"]) == {"Version", "Statement"}
    assert policy["PolicyDocument"]["Statement"] == statements(function, PLACE)


def test_a_role_that_writes_events_has_one_statement_for_all_its_keys_of_the_table() -> None:
    """See docs/decisions/0017: two statements can fail where a transaction needs both."""
    table = PLACE.arn("dynamodb", "table/TokenTable")
    for name, role in resources("AWS::IAM::Role").items():
        own = [statement for statement in statements_of(role) if statement["Resource"] == table]
        if PREFIX in str(own):
            assert len(own) == 1, name


@by_name
def test_a_function_that_calls_a_provider_and_no_other_is_in_the_operators_network_if_there_is_one(
    function: Function,
) -> None:
    deployed = resources("AWS::Lambda::Function")[f"{function.name}Function"]
    network, policies = [], []
    if any(name.endswith("_BASE_URL") for name in deployed["Environment"]["Variables"]):
        subnets, groups = ({"Fn::Split": [",", {"Ref": name}]} for name in ("VpcSubnetIds", "VpcSecurityGroupIds"))
        network = [only_with_vpc({"SubnetIds": subnets, "SecurityGroupIds": groups})]
        policies = [only_with_vpc([{"Ref": "NetworkInterfacesPolicy"}])]

    assert [deployed[name] for name in ("VpcConfig",) if name in deployed] == network
    role = resources("AWS::IAM::Role")[f"{function.name}Role"]
    assert [role[name] for name in ("ManagedPolicyArns",) if name in role] == policies


def only_with_vpc(value: Any) -> dict[str, Any]:
    return {"Fn::If": ["WithVpc", value, {"Ref": "AWS::NoValue"}]}


def test_lambda_and_not_the_code_may_use_network_interfaces_and_only_in_the_operators_network() -> None:
    template, policy = transformed(), transformed()["Resources"]["NetworkInterfacesPolicy"]
    allowed, denied = map(plain, policy["Properties"]["PolicyDocument"]["Statement"])
    addresses, interfaces = ("AssignPrivateIpAddresses",), ("CreateNetworkInterface", "DeleteNetworkInterface")
    described = ("DescribeNetworkInterfaces", "DescribeSubnets")
    actions = [f"ec2:{each}" for each in (*addresses, *interfaces, *described, "UnassignPrivateIpAddresses")]

    assert policy["Condition"] == "WithVpc"
    assert template["Conditions"]["WithVpc"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "VpcSubnetIds"}, ""]}]}
    assert {template["Parameters"][name]["Default"] for name in ("VpcSubnetIds", "VpcSecurityGroupIds")} == {""}
    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert allowed["Action"] == denied["Action"] == actions
    assert denied["Condition"] == {"ArnLike": {"lambda:SourceFunctionArn": PLACE.arn("lambda", "function:*")}}


def test_no_policy_lies_beside_the_roles_but_that_of_the_network() -> None:
    kinds = {each["Type"] for each in transformed()["Resources"].values()}

    assert {kind for kind in kinds if kind.startswith("AWS::IAM::")} == {"AWS::IAM::Role", "AWS::IAM::ManagedPolicy"}
    assert {kind for kind in kinds if kind.startswith("AWS::Lambda::")} == {f"AWS::Lambda::{k}" for k in LAMBDA_TYPES}


def test_only_x_ray_is_allowed_for_every_resource_and_no_action_has_a_wildcard() -> None:
    for role in resources("AWS::IAM::Role").values():
        for statement in statements_of(role, TableKeyArn="table-key", SecretsKeyArn="secrets-key"):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [action for action in actions if "*" in action]
            if statement["Resource"] == "*":
                assert {action.partition(":")[0] for action in actions} == {"xray"}


def test_each_function_may_be_called_by_the_gateway_for_its_own_routes_and_by_nobody_else() -> None:
    """A permission has its function's name or ARN."""
    allowed = [plain(each) for each in resources("AWS::Lambda::Permission").values()]
    own = [(each.name, f"*/{route.replace(' ', '', 1)}") for each in FUNCTIONS for route in each.routes]
    own += [(each.name, "authorizers/*") for each in FUNCTIONS for _ in each.decides]

    assert sorted((each["FunctionName"].rpartition(":")[2], each["SourceArn"]) for each in allowed) == sorted(
        (f"{name}Function", PLACE.arn("execute-api", f"Api/{re.sub(r'{[^}]*}', '*', route)}")) for name, route in own
    )
    for each in allowed:
        assert (each["Action"], each["Principal"]) == ("lambda:InvokeFunction", "apigateway.amazonaws.com")
        assert set(each) == {"Action", "Principal", "SourceArn", "FunctionName"}


# Names


def test_a_name_that_all_regions_of_an_account_share_holds_the_region() -> None:
    """Where the template gives no name, CloudFormation makes a unique one."""
    for kind, name in GLOBAL_NAMES.items():
        for properties in resources(kind).values():
            if name in properties:
                assert PLACE.region in plain(properties[name]), kind


def test_no_two_environments_share_a_stack_and_none_on_aws_their_secrets() -> None:
    environments = tomllib.loads((TEMPLATE.parent / "samconfig.toml").read_text())
    del environments["version"]
    names = [each["global"]["parameters"]["stack_name"] for each in environments.values()]
    del environments["local"]
    overrides = [each["deploy"]["parameters"]["parameter_overrides"] for each in environments.values()]
    prefixes = [[one for one in each if one.startswith("SecretPrefix=")] or ["the default"] for each in overrides]

    assert len(set(names)) == len(names)
    assert len({prefix for (prefix,) in prefixes}) == len(prefixes)


# Queues, and the clock


def test_a_function_takes_messages_of_its_queue_alone_and_one_that_fails_holds_up_no_other() -> None:
    takers = [(f"{each.name}Function", PLACE.arn("sqs", each.takes.name)) for each in FUNCTIONS if each.takes]

    assert sorted((each["FunctionName"], each["EventSourceArn"]) for each in sources("sqs")) == sorted(takers)
    for source in sources("sqs"):
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["ScalingConfig"] == {"MaximumConcurrency": 2}, "three queues leave room in an account with ten"


def test_only_new_items_of_the_outbox_start_the_streams_reader_and_what_fails_is_not_tried_for_ever() -> None:
    """The stream has the items' keys alone, and this one reader."""
    (source,), (reader,) = sources("dynamodb"), [function for function in FUNCTIONS if function.streams]
    (each,) = source["FilterCriteria"]["Filters"]
    keys = {"pk": {"S": [{"prefix": PREFIX}]}}

    assert resource("AWS::DynamoDB::Table", "TokenTable")["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    assert source["FunctionName"] == f"{reader.name}Function"
    assert source["EventSourceArn"] == PLACE.arn("dynamodb", "table/TokenTable/stream/now")
    assert json.loads(each["Pattern"]) == {"eventName": ["INSERT"], "dynamodb": {"Keys": keys}}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert source["MaximumRetryAttempts"] == 2
    assert source["MaximumRecordAgeInSeconds"] == REDELIVER_AFTER, "by then the dispatcher finds it"
    assert source["StartingPosition"] == "TRIM_HORIZON"


def sources(service: str) -> list[dict[str, Any]]:
    found = map(plain, resources("AWS::Lambda::EventSourceMapping").values())
    return [each for each in found if each["EventSourceArn"].split(":")[2] == service]


@pytest.mark.parametrize("function", TAKERS, ids=lambda function: function.name)
def test_a_message_that_fails_is_put_aside_where_an_alarm_sees_it(function: Function) -> None:
    assert function.takes is not None
    queues = resources("AWS::SQS::Queue")
    queue = plain(queues[function.takes.name])
    aside = queue["RedrivePolicy"]["deadLetterTargetArn"].rpartition(":")[2]
    timeout = plain(resources("AWS::Lambda::Function")[f"{function.name}Function"]["Timeout"])

    assert queue["VisibilityTimeout"] >= 6 * timeout
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 3
    assert queue["SqsManagedSseEnabled"] is queues[aside]["SqsManagedSseEnabled"] is True
    assert queues[aside]["MessageRetentionPeriod"] == FOURTEEN_DAYS
    assert bool(queues[aside].get("FifoQueue")) == bool(queue.get("FifoQueue"))
    alarms = plain(list(resources("AWS::CloudWatch::Alarm").values()))
    (alarm,) = [each for each in alarms if {"Name": "QueueName", "Value": aside} in each.get("Dimensions", [])]
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


@pytest.mark.parametrize("name", ["WorkQueue", "OutboxQueue"])
def test_a_merchants_work_is_done_by_one_worker_at_a_time(name: str) -> None:
    queue = resource("AWS::SQS::Queue", name)

    assert (queue["FifoQueue"], queue["DeduplicationScope"]) == (True, "messageGroup")
    assert queue["FifoThroughputLimit"] == "perMessageGroupId"


def test_placed_orders_of_the_named_sources_alone_go_from_the_bus_to_a_queue_that_keeps_them_long() -> None:
    """An expired message does not reach the dead-letter queue."""
    rule, queue = resource("AWS::Events::Rule", "OrderPlacedRule"), resource("AWS::SQS::Queue", "OrderQueue")
    (source,) = [each for each in sources("sqs") if each["EventSourceArn"] == PLACE.arn("sqs", "OrderQueue")]

    assert (queue["MessageRetentionPeriod"], queue["RedrivePolicy"]["maxReceiveCount"]) == (FOURTEEN_DAYS, 10)
    assert source["BatchSize"] == 10
    assert transformed()["Parameters"]["OrderEventSources"]["Type"] == "CommaDelimitedList"
    assert rule["EventBusName"] == "EventBus"
    assert rule["EventPattern"] == {"source": "shop.orders", "detail-type": ["OrderPlaced"]}
    assert rule["Targets"] == [
        {
            "Id": "OrderQueue",
            "Arn": PLACE.arn("sqs", "OrderQueue"),
            "InputPath": "$.detail",
            "DeadLetterConfig": {"Arn": PLACE.arn("sqs", "OrderDeadLetterQueue")},
        }
    ]


def test_the_order_queues_take_messages_from_that_rule_and_otherwise_by_the_senders_own_rights() -> None:
    policy = one("AWS::SQS::QueuePolicy")
    queues = ["OrderQueue", "OrderDeadLetterQueue"]

    assert policy["Queues"] == queues
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "PlacedOrders",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": [PLACE.arn("sqs", name) for name in queues],
            "Condition": {"ArnEquals": {"aws:SourceArn": PLACE.arn("events", "rule/EventBus/OrderPlacedRule")}},
        }
    ]


def test_the_clock_runs_every_minute_and_may_start_one_function() -> None:
    schedule = one("AWS::Scheduler::Schedule")
    function, role = "LifecycleDispatchFunction", resource("AWS::IAM::Role", SCHEDULE_ROLE)

    assert (schedule["ScheduleExpression"], schedule["State"]) == ("rate(1 minute)", "ENABLED")
    assert schedule["Target"] == {
        "Arn": PLACE.arn("lambda", f"function:{function}"),
        "RoleArn": f"arn:aws:iam::{PLACE.account}:role/{SCHEDULE_ROLE}",
        "Input": "{}",
        "RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60},
    }
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": PLACE.account}}
    (statement,) = statements_of(role)
    assert (statement["Action"], statement["Resource"]) == ("lambda:InvokeFunction", schedule["Target"]["Arn"])


# The API


def test_there_is_one_stage_with_throttles() -> None:
    """SAM adds one named "Stage", without any, unless it is told the version of OpenAPI."""
    stage = one("AWS::ApiGateway::Stage")
    default, *storefronts = stage["MethodSettings"]

    assert stage["StageName"] == "v1"
    assert "StageName" not in one("AWS::ApiGateway::Deployment")
    assert (default["ResourcePath"], default["HttpMethod"]) == ("/*", "*")
    assert (default["ThrottlingRateLimit"], default["ThrottlingBurstLimit"]) == (100, 200)
    limited = {f"{each['HttpMethod']} {each['ResourcePath'][1:].replace('~1', '/')}" for each in storefronts}
    preflights = {f"OPTIONS {path}" for path in STOREFRONT_PATHS}
    assert limited == {route for route in ROUTES if "/storefront/" in route or "/clients/" in route} | preflights
    assert {(each["ThrottlingRateLimit"], each["ThrottlingBurstLimit"]) for each in storefronts} == {(1000, 2000)}


#: The fields of a line of the access log, with AWS's names for what they hold.
ACCESS_LOG_FIELDS = {
    **{name: name for name in ("requestId", "extendedRequestId", "path", "status", "wafResponseCode")},
    "time": "requestTimeEpoch",
    "method": "httpMethod",
    "route": "resourcePath",
    "latency": "responseLatency",
    "sourceIp": "identity.sourceIp",
    "userAgent": "identity.userAgent",
    "principal": "identity.userArn",
    "error": "error.responseType",
    **{f"authorizer{part}": f"authorizer.{part.lower()}" for part in ("Status", "Latency", "Error")},
    **{f"integration{part}": f"integration.{part.lower()}" for part in ("Status", "Latency", "Error")},
    "integrationRequestId": "integration.requestId",
}
#: Numbers that each request has.
ALWAYS_NUMBERS = ("requestTimeEpoch", "status", "responseLatency")


def access_log_format() -> str:
    (stage,) = resources("AWS::ApiGateway::Stage").values()
    condition, settings, otherwise = stage["AccessLogSetting"]["Fn::If"]
    assert (condition, otherwise) == ("WithAccessLogs", {"Ref": "AWS::NoValue"})
    written: str = settings["Format"]
    return written


def test_the_access_log_says_who_asked_for_what_and_who_answered() -> None:
    quoted = re.sub(r'(?<!")(\$context\.[\w.]+)', r'"\1"', access_log_format())

    assert json.loads(quoted) == {field: f"$context.{name}" for field, name in ACCESS_LOG_FIELDS.items()}


def test_a_line_of_the_access_log_is_json_even_of_a_request_that_reached_nothing() -> None:
    """The format is one line of the size that API Gateway takes."""

    def value(match: re.Match[str]) -> str:
        return "200" if match[1] in ALWAYS_NUMBERS else "-"

    line = json.loads(re.sub(r"\$context\.([\w.]+)", value, access_log_format()))

    assert set(line) == set(ACCESS_LOG_FIELDS)
    assert "\n" not in access_log_format()
    assert len(access_log_format().encode()) <= 3 * 1024


def test_every_method_lets_in_whom_the_table_says_and_nothing_but_a_preflight_is_open(api: Any) -> None:
    deployed = {
        route: sorted(name for each in method.get("security", []) for name in each)
        for route, method in methods(api).items()
    }

    assert deployed == {
        **{route: [who] for route, (_, who) in ROUTES.items()},
        **{f"OPTIONS {path}": [] for path in STOREFRONT_PATHS},
    }
    assert {who for route, (_, who) in ROUTES.items() if " /merchants/" in route or " /operations/" in route} == {IAM}
    assert {who for route, (_, who) in ROUTES.items() if " /storefront/" in route} == {SHOP, PROOF}
    assert {who for route, (_, who) in ROUTES.items() if " /clients/" in route} == {CLIENT}


def test_a_route_is_served_by_its_function_with_nobody_elses_rights(api: Any) -> None:
    for route, (function, _) in ROUTES.items():
        integration = methods(api)[route]["x-amazon-apigateway-integration"]

        assert integration["type"] == "aws_proxy"
        assert f":function:{function.name}Function/invocations" in integration["uri"]
        assert "credentials" not in integration, "the gateway would call the function as its caller"


def test_an_authorizers_answer_is_kept_for_the_same_proof_path_and_method_or_not_at_all(api: Any) -> None:
    """A page's origin takes part in the other two decisions, and the gateway would not tell two origins apart."""
    schemes, proof = api["components"]["securitySchemes"], "method.request.header.Authorization"
    definitions: dict[str, dict[str, Any]] = {
        SHOP: {"authorizerResultTtlInSeconds": 0},
        PROOF: {"authorizerResultTtlInSeconds": 0, "identitySource": proof},
        CLIENT: {"authorizerResultTtlInSeconds": 60, "identitySource": f"{proof}, context.path, context.httpMethod"},
    }

    assert set(schemes) == {IAM, *definitions}
    assert schemes[IAM]["x-amazon-apigateway-authtype"] == "awsSigv4"
    for name, definition in definitions.items():
        (function,) = [each for each in FUNCTIONS if name in each.decides]
        given = dict(schemes[name]["x-amazon-apigateway-authorizer"])
        assert schemes[name]["x-amazon-apigateway-authtype"] == "custom"
        assert f":function:{function.name}Function/invocations" in given.pop("authorizerUri")
        assert given == {"type": "request", **definition}


@pytest.mark.parametrize("path", STOREFRONT_PATHS)
def test_a_preflight_is_answered_by_the_gateway_for_any_page_and_without_credentials(api: Any, path: str) -> None:
    (verb,) = [route.split()[0] for route in ROUTES if route.endswith(path)]
    method = methods(api)[f"OPTIONS {path}"]
    integration = method["x-amazon-apigateway-integration"]
    answer = integration["responses"]["default"]
    given = answer["responseParameters"].items()
    headers = {name.removeprefix("method.response.header."): value for name, value in given}

    assert integration["type"] == "mock"
    assert headers == {
        "Access-Control-Allow-Origin": "'*'",
        "Access-Control-Allow-Methods": f"'{verb}'",
        "Access-Control-Allow-Headers": "'Authorization,Content-Type'",
        "Access-Control-Max-Age": "'3600'",
    }
    assert set(method["responses"][answer["statusCode"]]["headers"]) == set(headers), "others are dropped"


#: The status of each answer that the gateway makes itself.
GATEWAY_STATUSES = {
    **dict.fromkeys(("MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN", "UNAUTHORIZED"), 401),
    **dict.fromkeys(("ACCESS_DENIED", "WAF_FILTERED", "DEFAULT_4XX"), 403),
    "RESOURCE_NOT_FOUND": 404,
    "REQUEST_TOO_LARGE": 413,
    "THROTTLED": 429,
    "DEFAULT_5XX": 500,
    **dict.fromkeys(("INTEGRATION_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE"), 503),
    "INTEGRATION_TIMEOUT": 504,
}


def test_every_answer_that_the_gateway_makes_is_ours(api: Any) -> None:
    made = {kind: int(each["statusCode"]) for kind, each in api["x-amazon-apigateway-gateway-responses"].items()}

    assert made == GATEWAY_STATUSES


@pytest.mark.parametrize("kind", GATEWAY_STATUSES)
def test_a_page_may_read_the_gateways_answer_without_credentials_and_nobody_keeps_it(api: Any, kind: str) -> None:
    parameters = api["x-amazon-apigateway-gateway-responses"][kind]["responseParameters"]
    headers = {name.removeprefix("gatewayresponse.header."): value for name, value in parameters.items()}
    always = {
        "Content-Type": "'application/problem+json'",
        "Cache-Control": "'no-store'",
        "Access-Control-Allow-Origin": "'*'",
        "Access-Control-Expose-Headers": "'Date,Retry-After,x-amzn-RequestId'",
    }

    assert headers.items() >= always.items()
    assert headers.keys() - always.keys() <= {"WWW-Authenticate", "Retry-After"}


def test_credentials_are_allowed_nowhere() -> None:
    assert "access-control-allow-credentials" not in str(transformed()).lower()
