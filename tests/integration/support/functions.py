"""The functions as Lambda runs them: each worker is one warm process of one function, with parts of its own."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.contract_document import check_response
from token_broker.clock import Clock

ROOT = Path(__file__).parents[3]
EVERY_FUNCTION = sorted(
    path.parent.relative_to(ROOT / "functions").as_posix() for path in ROOT.glob("functions/*/*/app.py")
)

FOURTHWALL = "fourthwall/public_token"
CHICKSX = "chicksx/public_token"
CLOSE = "chicksx/close_session"
CURRENT = "shopify/storefront_access_token"
CREATE = "shopify/create_storefront_access_token"
LIST = "shopify/list_storefront_access_tokens"
DELETE = "shopify/delete_storefront_access_token"
GET_RECORD = "shopify/get_storefront_access_token"
GET_ROTATION_SETTINGS = "shopify/get_rotation_settings"
PUT_ROTATION_SETTINGS = "shopify/put_rotation_settings"
RECONCILE = "shopify/reconcile"
MAINTAIN = "lifecycle/maintain"
DISPATCH = "lifecycle/dispatch"
ROTATE = "shopify/rotate"
MIGRATE = "shopify/migrate_token"
PUBLISH = "lifecycle/publish_events"
PUT_POLICY = "storefronts/put_trust_policy"
GET_POLICY = "storefronts/get_trust_policy"
DELETE_POLICY = "storefronts/delete_trust_policy"
ALLOW_PREVIEW = "storefronts/allow_preview_origin"
LIST_PREVIEWS = "storefronts/list_preview_origins"
REMOVE_PREVIEW = "storefronts/remove_preview_origin"
SHOP_AUTHORIZER = "storefronts/shop_authorizer"
PROOF_AUTHORIZER = "storefronts/proof_authorizer"

#: Those that work for a merchant's account at a provider.
FUNCTIONS = [FOURTHWALL, CHICKSX, CURRENT, CREATE, LIST, DELETE]
FOR_STOREFRONTS = [FOURTHWALL, CHICKSX, CURRENT]
#: Those that ask nothing of a provider, though the merchant must have an account there to have its settings.
ROTATION_SETTINGS = [GET_ROTATION_SETTINGS, PUT_ROTATION_SETTINGS]
PREVIEW_FUNCTIONS = [ALLOW_PREVIEW, LIST_PREVIEWS, REMOVE_PREVIEW]
POLICY_FUNCTIONS = [PUT_POLICY, GET_POLICY, DELETE_POLICY]
AUTHORIZERS = [SHOP_AUTHORIZER, PROOF_AUTHORIZER]
ROTATIONS = ["fourthwall/rotate", "chicksx/rotate", ROTATE]
#: The functions that the schedule, a queue or the table's stream starts.
CLOCKWORK = [MAINTAIN, DISPATCH, PUBLISH]

#: Each function's entry points: each has a file in the function's folder of `events/`.
ENTRY_POINTS = {
    function: tuple(sorted(path.stem for path in (ROOT / "events" / function).glob("*.json")))
    for function in EVERY_FUNCTION
}

#: Seconds that a call has in the template.
TIMEOUT = 25.0


def sample_event(function: str, entry_point: str) -> Any:
    return json.loads((ROOT / "events" / function / f"{entry_point}.json").read_text())


def provider_of(function: str) -> str:
    """Return the provider of a function. The worker serves several, and works for Shopify in its samples and tests."""
    return "shopify" if function == MAINTAIN else function.partition("/")[0]


@dataclass
class HttpResponse:
    """What API Gateway would send on; `body` is read from its JSON."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body["code"])

    @property
    def retry_after(self) -> str | None:
        return self.headers.get("Retry-After")


@dataclass
class Worker:
    """A loaded handler. `log` has its lines."""

    function: str
    handler: Callable[[Any, Any], Any]
    log: list[str] = field(default_factory=list)

    def invoke(self, event: Any, *, seconds: float = TIMEOUT) -> Any:
        """Return the handler's own result, or raise its error."""
        context = SimpleNamespace(
            aws_request_id="11111111-2222-4333-8444-555555555555",
            function_name=self.function.replace("/", "-"),
            get_remaining_time_in_millis=lambda: int(seconds * 1000),
        )
        return self.handler(event, context)

    def api(self, *, seconds: float = TIMEOUT, **changes: Any) -> HttpResponse:
        """Send the sample API event with the changes of `api_event`, and return the response."""
        return self.answer(api_event(self.function, **changes), seconds=seconds)

    def answer(self, event: Any, *, seconds: float = TIMEOUT) -> HttpResponse:
        answer = self.invoke(event, seconds=seconds)
        assert set(answer) == {"statusCode", "headers", "body", "isBase64Encoded"}
        check_response(event["httpMethod"], event["resource"], answer["statusCode"], answer["headers"], answer["body"])
        return HttpResponse(answer["statusCode"], answer["headers"], json.loads(answer["body"] or "{}"))


def api_event(
    function: str,
    entry_point: str = "api",
    *,
    path: dict[str, str] | None = None,
    query: dict[str, str | list[str]] | None = None,
    headers: dict[str, str | list[str] | None] | None = None,
    body: Any = None,
    raw_body: str | None = None,
    base64: bool = False,
    identity: dict[str, Any] | None = None,
) -> Any:
    """Change a function's sample event; path and headers are merged, and a header of None is left out."""
    event = sample_event(function, entry_point)
    event["pathParameters"] |= path or {}
    if query is not None:
        _set_many(event, "queryStringParameters", "multiValueQueryStringParameters", query)
    _merge_headers(event, headers or {})
    if body is not None:
        event["body"] = json.dumps(body)
    if raw_body is not None:
        event["body"] = raw_body
    event["isBase64Encoded"] = base64
    if identity is not None:
        event["requestContext"]["identity"] = identity
    return event


def _merge_headers(event: Any, headers: dict[str, str | list[str] | None]) -> None:
    wanted = {**event["headers"], **headers}
    _set_many(event, "headers", "multiValueHeaders", {name: value for name, value in wanted.items() if value})


def _set_many(event: Any, one: str, many: str, values: dict[str, Any]) -> None:
    listed = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    event[many] = listed
    event[one] = {name: each[-1] for name, each in listed.items()}


class _Lines(logging.Handler):
    def __init__(self, lines: list[str], formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


def cold_start(function: str, *, clock: Clock, telemetry: Any = None) -> Worker:
    """Load a handler with parts that no other worker shares, on the given clock.

    Workers in threads need other telemetry, since Powertools keeps its logger for the process.
    """
    spec = spec_from_file_location("app", ROOT / "functions" / function / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    container = module.handler.container
    vars(container)["clock"] = clock
    if telemetry is not None:
        vars(container)["telemetry"] = telemetry
    worker = Worker(function, module.handler)
    if telemetry is None:
        log = container.telemetry.log
        for old in [each for each in log.handlers if isinstance(each, _Lines)]:
            log.removeHandler(old)
        log.addHandler(_Lines(worker.log, log.registered_formatter))
    return worker
