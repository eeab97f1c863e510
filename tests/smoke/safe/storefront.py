"""What a page of the merchant gets, and other pages do not.

A page's request creates the merchant's first token, as for any visitor.
"""

import requests

from tests.smoke.answers import content, problem, signed
from tests.smoke.deployed import Deployed
from tests.smoke.outcomes import DidNotRun, require

_STRANGER = "https://smoke.invalid"


def the_trust_policy_can_be_read(stack: Deployed) -> str:
    response = signed(stack, "GET", f"/merchants/{stack.merchant}/trust-policy")
    if response.status_code == 404:
        return problem(response, (404, "trust_policy_not_found"))
    content(response, [200])
    return f"200, ETag {response.headers.get('ETag', 'none')}"


def a_browser_may_send_the_request(stack: Deployed) -> str:
    path, origin = _page(stack)
    response = stack.unsigned("OPTIONS", path, {"Origin": origin, "Access-Control-Request-Method": "GET"})
    allowed = response.headers.get("Access-Control-Allow-Methods", "none")
    return require(
        response.status_code in (200, 204) and "GET" in allowed and "Access-Control-Allow-Origin" in response.headers,
        f"{response.status_code}, Access-Control-Allow-Methods: {allowed}",
        expected="204, Access-Control-Allow-Methods: GET, and Access-Control-Allow-Origin",
        advice="compare the preflight of this path in template.yaml",
    )


def a_page_of_the_policy_gets_its_token(stack: Deployed) -> str:
    path, origin = _page(stack)
    response = stack.unsigned("GET", path, {"Origin": origin})
    content(response, [200])
    headers = {name: response.headers.get(name, "none") for name in ("Access-Control-Allow-Origin", "Cache-Control")}
    return require(
        headers == {"Access-Control-Allow-Origin": origin, "Cache-Control": "public, max-age=30"},
        ", ".join(f"{name}: {value}" for name, value in headers.items()),
        expected=f"Access-Control-Allow-Origin: {origin}, Cache-Control: public, max-age=30",
        advice="look for something between you and the API that changes headers",
    )


def an_unchanged_token_is_not_sent_again(stack: Deployed) -> str:
    path, origin = _page(stack)
    first = stack.unsigned("GET", path, {"Origin": origin})
    content(first, [200])
    again = stack.unsigned("GET", path, {"Origin": origin, "If-None-Match": first.headers.get("ETag", "")})
    return require(
        again.status_code == 304 and not again.content,
        f"{again.status_code}, {len(again.content)} bytes",
        expected="304, 0 bytes",
        advice="look for something between you and the API that drops ETag or If-None-Match",
    )


def another_page_gets_nothing(stack: Deployed) -> str:
    return _refused(stack.unsigned("GET", _page(stack)[0], {"Origin": _STRANGER}))


def a_request_without_an_origin_gets_nothing(stack: Deployed) -> str:
    return _refused(stack.unsigned("GET", _page(stack)[0]))


def _refused(response: requests.Response) -> str:
    return problem(response, (403, "forbidden"))


def _page(stack: Deployed) -> tuple[str, str]:
    """Return a path of the merchant's storefront and an origin that may call it."""
    response = signed(stack, "GET", f"/merchants/{stack.merchant}/trust-policy")
    if response.status_code == 404:
        raise DidNotRun("The merchant has no trust policy.")
    policy = content(response, [200])
    if not policy.get("anonymous") or not policy.get("origins"):
        raise DidNotRun("The merchant's trust policy gives no token to every page.")
    return f"/storefront/{stack.merchant}/{policy['anonymous'][0]}", str(policy["origins"][0])


CHECKS = (
    the_trust_policy_can_be_read,
    a_browser_may_send_the_request,
    a_page_of_the_policy_gets_its_token,
    an_unchanged_token_is_not_sent_again,
    another_page_gets_nothing,
    a_request_without_an_origin_gets_nothing,
)
