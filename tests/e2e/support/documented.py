"""Responses of a stack that are compared with the OpenAPI document."""

import requests

from tests.contract_document import check_response


def documented(method: str, path: str, response: requests.Response) -> requests.Response:
    """Return the response of a request. `path` follows the API's address.

    Raises AssertionError if the document does not have its status, a header or a member. The local AWS refuses a caller
    without the right in its own words, where API Gateway sends the template's response.
    """
    if response.headers.get("x-amzn-errortype") != "AccessDeniedException":
        check_response(method, path, response.status_code, response.headers, response.content)
    return response
