"""No secret or token leaves a function except in its own response, through success, failure, timeout and a kill."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest

from sandbox.simulators import Addresses
from sandbox.simulators.fault_queue import KINDS
from tests.fakes.killing import Killed
from tests.fakes.trust_policies import policy, sessions
from tests.integration.conftest import deployed
from tests.integration.support.captured_output import Leaving, found, spellings
from tests.integration.support.functions import (
    CHICKSX,
    CLOSE,
    CREATE,
    CURRENT,
    DELETE,
    ENTRY_POINTS,
    EVERY_FUNCTION,
    FOURTHWALL,
    GET_POLICY,
    LIST,
    MIGRATE,
    PROOF_AUTHORIZER,
    PUT_POLICY,
    api_event,
    provider_of,
    sample_event,
)
from tests.integration.support.gateway import KEY, proof
from tests.integration.support.in_process_stack import APP_SECRET, MERCHANT, SECRETS, Stack
from tests.integration.support.outages import aws_error, refusing
from token_broker.domain.ownership_tag import new_intent_id, tag_title
from token_broker.errors import BrokerError

#: A token that no table holds; a provider brings it where it should not.
STRAY = "ptkn_canary0stray0token"
PROVIDERS = tuple(SECRETS)


@pytest.fixture
def leaving(
    simulators: Addresses,
    aws: Mapping[str, Any],
    table_name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Leaving]:
    """Run a broker whose functions may be killed, then check that no output holds a secret value."""
    services = {name: client for name, client in aws.items() if name not in ("dynamodb", "secretsmanager")}
    queue = aws["sqs"].create_queue(QueueName="work.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    monkeypatch.setenv("WORK_QUEUE_SHOPIFY", queue)
    with deployed(simulators, aws["dynamodb"], aws["secretsmanager"], table_name) as stack:
        made = Leaving(stack, tokens={STRAY})
        stack.proof_keys(k1=KEY)
        for name, client in services.items():
            client.meta.events.register(f"before-call.{name}", made.sent)
        yield made
        for name, client in services.items():
            client.meta.events.unregister(f"before-call.{name}", made.sent)
        text = made.gather(capsys)
        assert '"message":"answered"' in text or '"message":"decided"' in text
        assert '"_aws":' in text
        assert len(made.values()) > 6
        assert found(made.values(), text) == []
    aws["sqs"].delete_queue(QueueUrl=queue)


def prepare(stack: Stack) -> None:
    """Create the items and the token that the sample events need."""
    key = {"pk": {"S": "broker"}, "sk": {"S": "id"}}
    stack.dynamodb.put_item(TableName=stack.table, Item={**key, "brokerId": {"S": "abcdefgh"}})
    title = tag_title("Old storefront", "abcdefgh", new_intent_id())
    if not stack.control.state()["shopify"][MERCHANT]["tokens"]:
        stack.control.plant_tokens(MERCHANT, id=int(sample_event(DELETE, "direct")["tokenId"]), title=title)
    stack.trust(policy(anonymous=["fourthwall/public-token", "shopify/storefront-access-token"], sessions=sessions()))


def events(leaving: Leaving, function: str) -> Iterator[Any]:
    """Yield one valid, current event for each entry point of a function, which no cache can serve."""
    numbers = count()
    for entry_point in ENTRY_POINTS[function]:
        event = sample_event(function, entry_point)
        if function == PROOF_AUTHORIZER:
            event["multiValueHeaders"]["Authorization"] = [f"Bearer {proof(leaving.stack)}"]
        if function == CHICKSX:
            session = f"s-{next(numbers)}"
            if entry_point == "direct":
                event["sessionId"] = session
            elif entry_point == "api":
                event["body"] = json.dumps({"sessionId": session})
            else:
                event["requestContext"]["authorizer"]["expiresAt"] = str(int(time.time()) + 600)
        if function in (FOURTHWALL, CURRENT) and entry_point == "direct":
            event["cacheControl"] = "no-cache"
        yield event


def ask_all(leaving: Leaving, function: str, *, seconds: float = 25.0) -> None:
    """Invoke a cold worker of the function through every entry point."""
    worker = leaving.stack.cold(function)
    for event in events(leaving, function):
        leaving.ask(worker, event, seconds=seconds)


def echo() -> str:
    """Return text that a provider could quote: the merchant's secrets and a token."""
    values = [value for fields in SECRETS.values() for name, value in fields.items() if name != "shop"]
    return " ".join((STRAY, *values))


def own_echo(provider: str) -> str:
    """Return the values that this provider received, in several encodings."""
    values = [value for name, value in SECRETS[provider].items() if name != "shop"]
    return " ".join((STRAY, *values, ":".join(values), *(quote(value, safe="") for value in values)))


#: How each kind of fault is set; each that the simulators know must be here.
FAULTS: dict[str, Callable[[str], list[dict[str, Any]]]] = {
    "refuse": lambda _: [{}],
    "hang": lambda _: [{"seconds": 0.01}],
    "act_then_hang": lambda _: [{"seconds": 0.01}],
    "status": lambda said: [
        {"status": status, "body": {"code": said, "message": said, "errors": {"base": [said]}, "error": said}}
        for status in (200, 201, 400, 401, 402, 403, 404, 422, 423, 429, 500, 503)
    ],
    "drop_before_acting": lambda _: [{}],
    "act_then_drop": lambda _: [{}],
    "garbage": lambda said: [{"body": said}],
    "huge": lambda _: [{"bytes": 2_000_000}],
    "slow_drip": lambda _: [{"secondsPerByte": 0.001}],
    "malformed": lambda said: [{"body": f"{said}\r\n\r\n"}],
    "truncated": lambda _: [{}],
    "redirect": lambda said: [{"location": f"https://attacker.example/?{said.replace(' ', '+')}"}],
    "answer_override": lambda said: [
        {"patch": {"data": {"jti": STRAY, "accessToken": STRAY, "scope": [said]}, "token": None}},
        {"patch": {"storefront_access_token": {"access_token": STRAY, "admin_graphql_api_id": STRAY}}},
        {"headers": {"X-Shopify-API-Version": said, "X-Shopify-API-Deprecated-Reason": said}},
    ],
}


def test_every_kind_of_fault_is_driven() -> None:
    assert FAULTS.keys() == KINDS.keys()


@pytest.mark.parametrize("function", EVERY_FUNCTION)
def test_what_goes_well_leaves_no_value(function: str, leaving: Leaving) -> None:
    prepare(leaving.stack)

    ask_all(leaving, function)
    for event in events(leaving, function):  # and once more, warm: from memory, or from the table
        leaving.ask(leaving.stack.worker(function), event)

    assert not leaving.codes & {"internal_error", "provider_error", "storage_unavailable"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", [each for each in EVERY_FUNCTION if provider_of(each) in PROVIDERS])
def test_what_a_provider_does_wrong_leaves_no_value(function: str, kind: str, leaving: Leaving) -> None:
    stack, provider = leaving.stack, provider_of(function)
    prepare(stack)

    for parameters in FAULTS[kind](own_echo(provider)):
        stack.control.fault(provider, kind, times=50, **parameters)
        ask_all(leaving, function)
        stack.control.forget_faults()


@pytest.mark.parametrize("function", EVERY_FUNCTION)
def test_what_aws_does_wrong_leaves_no_value(function: str, leaving: Leaving) -> None:
    """Also with an exception that nobody foresaw, and whose text holds everything."""
    prepare(leaving.stack)
    dynamodb = leaving.stack.dynamodb
    operations = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "TransactWriteItems")

    for error in (lambda: aws_error("ThrottlingException"), lambda: RuntimeError(echo())):
        for acted in (False, True):
            with refusing(dynamodb, *operations, error=error, acted=acted):
                ask_all(leaving, function)


@pytest.mark.parametrize("function", EVERY_FUNCTION)
def test_what_runs_out_of_time_leaves_no_value(function: str, leaving: Leaving) -> None:
    prepare(leaving.stack)

    for seconds in (0.0, 2.1, 2.5):
        ask_all(leaving, function, seconds=seconds)


@pytest.mark.parametrize("acted", [False, True])
@pytest.mark.parametrize("function", EVERY_FUNCTION)
def test_what_is_killed_in_the_middle_leaves_no_value(function: str, acted: bool, leaving: Leaving) -> None:
    """Before and after each of its calls to the table; Lambda writes the traceback of what ends a process."""
    prepare(leaving.stack)
    operations = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "TransactWriteItems")

    for spared in range(5):
        with refusing(leaving.stack.dynamodb, *operations, error=lambda: Killed("killed"), acted=acted, spared=spared):
            ask_all(leaving, function)


@pytest.mark.parametrize("function", [LIST, MIGRATE])
def test_expiring_credentials_leave_no_value(function: str, leaving: Leaving) -> None:
    """Also where the session secret cannot be written, and where the process is killed there."""
    stack = leaving.stack
    stack.app_merchant(permanent=function == MIGRATE)
    stack.clock.jumps = True

    for error in (lambda: aws_error("ThrottlingException"), lambda: Killed("killed")):
        for acted in (False, True):
            with refusing(stack.secretsmanager, "PutSecretValue", error=error, acted=acted):
                ask_all(leaving, function)
            stack.later(60 * 60)  # so that the next call sends the same refresh token again, and then renews the pair
    ask_all(leaving, function)

    assert len(stack.sessions()[f"shopify/{MERCHANT}"]) > 1


def _status(provider: str, status: int, **body: Any) -> Callable[[Stack], None]:
    said = own_echo(provider)
    whole = {"code": said, "message": said, "errors": said, **body}
    return lambda stack: stack.control.fault(provider, "status", times=9, status=status, body=whole)


def _forbidden(sentence: str) -> Callable[[Stack], None]:
    return _status("shopify", 403, errors=f"{sentence} {own_echo('shopify')}")


def _granted(error: str, *, permanent: bool = False) -> Callable[[Stack], None]:
    """Return what prepares a token endpoint that refuses each grant, and quotes what it was sent."""

    def prepare_refusal(stack: Stack) -> None:
        secret = stack.app_merchant(permanent=permanent)
        said = " ".join(
            (STRAY, APP_SECRET["clientSecret"], *(secret[name] for name in secret if name.endswith("Token")))
        )
        body = {"error": error, "error_description": said}
        stack.control.fault("shopify", "status", times=9, status=400, body=body)

    return prepare_refusal


def _nothing(_stack: Stack) -> None:
    """Prepare nothing because the event alone causes the error."""


def _held(stack: Stack) -> None:
    """Somebody else mints for the sample session, until after the caller's time."""
    merchant, session = MERCHANT, "held"
    with refusing(stack.dynamodb, "TransactWriteItems", error=lambda: Killed("killed"), times=1), pytest.raises(Killed):
        stack.worker(CHICKSX).invoke({"merchant": merchant, "sessionId": session})


def _used_up(stack: Stack) -> None:
    """Use up the merchant's mint quota of this minute and the next one."""
    minute = int(stack.clock.now()) // 60 * 60
    for begins in (minute, minute + 60):
        key = {"pk": {"S": f"chicksx#{MERCHANT}"}, "sk": {"S": f"mint-quota#{begins}"}}
        stack.dynamodb.put_item(TableName=stack.table, Item={**key, "mints": {"N": "120"}})


def _closed(stack: Stack) -> None:
    stack.worker(CLOSE).api(path={"sessionId": "closed"})


def _full(stack: Stack) -> None:
    stack.control.plant_tokens(MERCHANT, count=100)


def _plant_foreign(stack: Stack) -> None:
    stack.control.plant_tokens(MERCHANT, id=77, title="Somebody else's")


def _break(stack: Stack) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError(echo())

    stack.dynamodb.meta.events.register("before-call.dynamodb.Query", fail, unique_id="leak-test")


def _no_table(stack: Stack) -> None:
    def fail(**_: Any) -> None:
        raise aws_error("ThrottlingException")

    stack.dynamodb.meta.events.register("before-call.dynamodb.Query", fail, unique_id="leak-test")


def _direct(function: str, **fields: Any) -> Callable[[], Any]:
    return lambda: {**sample_event(function, "direct"), **fields}


type Way = tuple[str, Callable[[Stack], None], Callable[[], Any]]

#: How each error comes about: the function, what happens before, and the event.
ERRORS: dict[str, Way] = {
    "invalid_request": (CREATE, _nothing, _direct(CREATE, title=7, extra=echo())),
    "unauthenticated": (CURRENT, _nothing, lambda: api_event(CURRENT, identity={}, query={"q": echo()})),
    "forbidden": (CURRENT, _nothing, lambda: api_event(CURRENT, "storefront", path={"merchant": "another"})),
    "merchant_not_found": (CURRENT, _nothing, _direct(CURRENT, merchant="nobody")),
    "token_not_found": (DELETE, _nothing, _direct(DELETE, tokenId="5")),
    "trust_policy_not_found": (GET_POLICY, _nothing, _direct(GET_POLICY)),
    "conflict": (DELETE, _plant_foreign, _direct(DELETE, tokenId="77")),
    "precondition_failed": (PUT_POLICY, prepare, _direct(PUT_POLICY)),
    "session_closed": (CHICKSX, _closed, _direct(CHICKSX, sessionId="closed")),
    "internal_error": (CHICKSX, _break, _direct(CHICKSX)),
    "merchant_misconfigured": (
        CHICKSX,
        lambda stack: stack.secret("chicksx", MERCHANT, json.dumps({**SECRETS["chicksx"], STRAY: STRAY})),
        _direct(CHICKSX),
    ),
    "rate_limited": (CHICKSX, _used_up, _direct(CHICKSX)),
    "mint_in_progress": (CHICKSX, _held, _direct(CHICKSX, sessionId="held")),
    "storage_unavailable": (CHICKSX, _no_table, _direct(CHICKSX)),
    "app_not_eligible": (CREATE, _forbidden("Token must be eligible"), _direct(CREATE)),
    "scope_not_approved": (LIST, _forbidden("This action requires merchant approval for"), _direct(LIST)),
    "non_expiring_token_refused": (
        CREATE,
        _forbidden("Non-expiring access tokens are no longer accepted"),
        _direct(CREATE),
    ),
    "address_not_allowed": (CREATE, _forbidden("Forbidden"), _direct(CREATE)),
    "invalid_client": (LIST, _granted("invalid_client"), _direct(LIST)),
    "shop_not_permitted": (LIST, _granted("shop_not_permitted"), _direct(LIST)),
    "app_not_installed": (LIST, _granted("app_not_installed"), _direct(LIST)),
    "reauthorization_required": (LIST, _granted("invalid_grant"), _direct(LIST)),
    "permanent_token_refused": (MIGRATE, _granted("invalid_subject_token", permanent=True), _direct(MIGRATE)),
    "token_limit_reached": (CREATE, _full, _direct(CREATE)),
    "provider_rejected_credentials": (CHICKSX, _status("chicksx", 401), _direct(CHICKSX)),
    "provider_error": (LIST, _status("shopify", 400), _direct(LIST)),
    "provider_throttled": (CHICKSX, _status("chicksx", 429), _direct(CHICKSX)),
    "shop_unavailable": (CURRENT, _status("shopify", 402), _direct(CURRENT)),
    "provider_not_configured": (CHICKSX, _nothing, _direct(CHICKSX)),
    "provider_unavailable": (FOURTHWALL, _status("fourthwall", 500), _direct(FOURTHWALL)),
}


def every_code() -> set[str]:
    """Of all errors in `errors.py`."""
    left: list[type[BrokerError]] = [BrokerError]
    codes = set()
    while left:
        error = left.pop()
        codes.add(error.code)
        left += error.__subclasses__()
    return codes


def test_every_error_is_driven() -> None:
    assert ERRORS.keys() >= every_code()


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_leaves_no_value(code: str, leaving: Leaving, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = leaving.stack
    function, before, event = ERRORS[code]
    monkeypatch.setattr("token_broker.tokens.issue.WAIT_FOR_OTHERS", 0.1)
    if code == "provider_not_configured":
        monkeypatch.setenv("CHICKSX_BASE_URL", "")
    before(stack)
    try:
        leaving.ask(stack.worker(function), event())
    finally:
        stack.dynamodb.meta.events.unregister("before-call.dynamodb.Query", unique_id="leak-test")

    assert leaving.codes >= {code}


def test_the_search_finds_a_value_in_each_spelling() -> None:
    secret = 'shpat_0123:secret+/"ä'

    for form in spellings(secret):
        assert found({secret}, f"before {form} behind") != [], form
    assert found({secret}, "shpat_0123 secret") == []
