"""What the gateway answers to requests that no function should see."""

from datetime import UTC, datetime, timedelta

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.settings import ACCESS_KEY_ID
from tests.smoke.answers import problem, signed
from tests.smoke.deployed import Deployed
from tests.smoke.outcomes import DidNotRun

_SIGNATURE = "AWS4-HMAC-SHA256"
_UNAUTHENTICATED = (401, "unauthenticated")


def an_unsigned_request_is_refused(stack: Deployed) -> str:
    return problem(stack.unsigned("GET", _policy(stack)), _UNAUTHENTICATED, challenge=_SIGNATURE)


def a_wrong_signature_is_refused(stack: Deployed) -> str:
    own = _checked_credentials(stack)
    wrong = Credentials(own.access_key, f"{own.secret_key}x", own.token)
    response = stack.signed("GET", _policy(stack), credentials=wrong)
    return problem(response, _UNAUTHENTICATED, challenge=_SIGNATURE)


def a_signature_of_an_hour_ago_is_refused(stack: Deployed) -> str:
    request = AWSRequest("GET", stack.api_url + _policy(stack))
    _AnHourAgo(_checked_credentials(stack), "execute-api", stack.region).add_auth(request)
    response = stack.unsigned("GET", _policy(stack), dict(request.headers.items()))
    return problem(response, _UNAUTHENTICATED, challenge=_SIGNATURE)


def a_bearer_token_is_no_signature(stack: Deployed) -> str:
    response = stack.unsigned("GET", _policy(stack), {"Authorization": "Bearer smoke"})
    return problem(response, _UNAUTHENTICATED, (403, "forbidden"))


def an_unknown_path_is_refused(stack: Deployed) -> str:
    return problem(stack.unsigned("GET", "/smoke"), _UNAUTHENTICATED, challenge=_SIGNATURE)


def a_body_that_is_no_json_is_refused(stack: Deployed) -> str:
    response = signed(stack, "PUT", _policy(stack), b"smoke", Content_Type="text/plain")
    return problem(response, (400, "invalid_request"))


def a_body_of_eleven_megabytes_is_refused(stack: Deployed) -> str:
    if stack.is_local:
        raise DidNotRun("The local AWS has no limit for bodies.")
    return problem(signed(stack, "PUT", _policy(stack), b"x" * 11_000_000), (413, "invalid_request"))


class _AnHourAgo(SigV4Auth):
    """Sign as if it were an hour earlier."""

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        request.context["timestamp"] = (datetime.now(UTC) - timedelta(hours=1)).strftime(SIGV4_TIMESTAMP)
        super()._modify_request_before_signing(request)  # type: ignore[misc]  # its stubs leave it out


def _checked_credentials(stack: Deployed) -> Credentials:
    if stack.is_local and stack.credentials.access_key == ACCESS_KEY_ID:
        raise DidNotRun("The local AWS does not check its administrator's signatures.")
    return stack.credentials


def _policy(stack: Deployed) -> str:
    return f"/merchants/{stack.merchant}/trust-policy"


CHECKS = (
    an_unsigned_request_is_refused,
    a_wrong_signature_is_refused,
    a_signature_of_an_hour_ago_is_refused,
    a_bearer_token_is_no_signature,
    an_unknown_path_is_refused,
    a_body_that_is_no_json_is_refused,
    a_body_of_eleven_megabytes_is_refused,
)
