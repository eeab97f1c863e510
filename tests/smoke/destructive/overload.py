"""What callers get while functions or routes take no more requests."""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import requests
from requests.adapters import HTTPAdapter

from tests.smoke.answers import problem, signed
from tests.smoke.deployed import Deployed
from tests.smoke.outcomes import DidNotRun, FellShort, require, restore

_RATE, _SECONDS = 200, 20
_THREADS = 64
#: Seconds for a changed concurrency to take effect.
_EFFECT = 60
#: Seconds until CloudWatch has a function's invocations.
_METRICS = 180


def a_throttled_authorizer_answers_503(stack: Deployed) -> str:
    path = _nobodys_page()
    return _while_throttled(
        stack, "StorefrontsShopAuthorizer", lambda: stack.unsigned("GET", path), "storage_unavailable"
    )


def a_throttled_function_answers_503(stack: Deployed) -> str:
    path = f"/merchants/{stack.merchant}/trust-policy"
    return _while_throttled(stack, "StorefrontsGetTrustPolicy", lambda: signed(stack, "GET", path), "internal_error")


def a_flood_of_one_route_is_refused_before_its_authorizer(stack: Deployed) -> str:
    """Send 200 requests a second for 20 seconds, and compare the answers with the authorizer's invocations."""
    if stack.is_local:
        raise DidNotRun("The local AWS has no metric of invocations.")
    begin = datetime.now(UTC)
    statuses = flood(stack.api_url + _nobodys_page(), rate=_RATE, seconds=_SECONDS)
    seen = ", ".join(f"{count} with {status}" for status, count in sorted(statuses.items()))
    if any(status >= 500 for status in statuses):
        raise FellShort(
            seen,
            expected="403 and 429 only",
            advice="compare the account's concurrent executions (docs/how-to/deploy.md)",
        )
    if not statuses[429]:
        raise DidNotRun(f"No request was refused ({seen}). Deploy staging with StorefrontRateLimit=100 to see it.")
    time.sleep(_METRICS)
    decided = _invocations(stack, stack.function("StorefrontsShopAuthorizer"), begin)
    admitted = statuses.total() - statuses[429]
    return require(
        decided <= admitted * 1.1,
        f"{seen}; the authorizer ran {decided} times",
        expected=f"it runs for the {admitted} admitted requests only",
        advice="put a WAF rate rule in front: refused requests take from the account's concurrency",
    )


def flood(url: str, *, rate: int, seconds: float) -> Counter[int]:
    """Send requests at this rate, and count the answers' statuses. No answer counts as 599."""
    begin, pages = time.monotonic(), requests.Session()
    pages.mount("https://", HTTPAdapter(pool_maxsize=_THREADS))

    def ask(number: int) -> int:
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        try:
            return pages.get(url, headers={"Origin": "https://smoke.invalid"}, timeout=30).status_code
        except requests.RequestException:
            return 599

    with pages, ThreadPoolExecutor(_THREADS) as pool:
        return Counter(pool.map(ask, range(int(rate * seconds))))


def _while_throttled(stack: Deployed, function: str, ask: Callable[[], requests.Response], code: str) -> str:
    if stack.is_local:
        raise DidNotRun("The local gateway answers for a failed function in its own way.")
    with _concurrency_zero(stack, stack.function(function)):
        deadline = time.monotonic() + _EFFECT
        while (answer := ask()).status_code < 500 and time.monotonic() < deadline:
            time.sleep(2)
        return problem(answer, (503, code))


@contextmanager
def _concurrency_zero(stack: Deployed, function: str) -> Iterator[None]:
    """Reserve no concurrency for a function, and restore what was reserved."""
    client = stack.client("lambda")
    before = client.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")
    try:
        client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
        yield
    finally:
        if before is None:
            advice = f"aws lambda delete-function-concurrency --function-name {function}"
            restore(lambda: client.delete_function_concurrency(FunctionName=function), advice)
        else:
            reserved = {"FunctionName": function, "ReservedConcurrentExecutions": before}
            advice = f"aws lambda put-function-concurrency --reserved-concurrent-executions {before} --function-name"
            restore(lambda: client.put_function_concurrency(**reserved), f"{advice} {function}")


def _nobodys_page() -> str:
    """Return a storefront path of a merchant that does not exist, so that no provider is asked."""
    return f"/storefront/smoke-{secrets.token_hex(8)}/shopify/storefront-access-token"


def _invocations(stack: Deployed, function: str, begin: datetime) -> int:
    found = stack.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=begin - timedelta(minutes=1),
        EndTime=datetime.now(UTC),
        Period=60,
        Statistics=["Sum"],
    )
    return int(sum(each["Sum"] for each in found["Datapoints"]))


CHECKS = (
    a_throttled_authorizer_answers_503,
    a_throttled_function_answers_503,
    a_flood_of_one_route_is_refused_before_its_authorizer,
)
