"""Sign a request with AWS Signature Version 4 as botocore does, byte for byte.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html describes it. A request goes
to `/` and has no query, so most of it is fixed.
"""

import hashlib
import hmac
import time

from token_broker.aws.fast_reads.credentials import Credentials

CONTENT_TYPE = "application/x-amz-json-1.0"


class Signer:
    """Sign requests to one host of one service. The key of the day is derived once."""

    def __init__(self, service: str, region: str, host: str) -> None:
        self._service, self._region, self._host = service, region, host
        self._derived: tuple[str, str, bytes] = ("", "", b"")

    def headers(self, credentials: Credentials, target: str, body: bytes, now: float) -> dict[str, str]:
        """Return the signed headers and `authorization`. `now` is in Unix seconds.

        Raises `ValueError` if the credentials cannot be in a header.
        """
        if not all(text.isascii() and text.isprintable() and " " not in text for text in credentials):
            raise ValueError("credentials")
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        headers = {"content-type": CONTENT_TYPE, "host": self._host, "x-amz-date": moment}
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        headers["x-amz-target"] = target  # the names are in their order
        names = ";".join(headers)
        lines = "".join([f"{name}:{value}\n" for name, value in headers.items()])
        request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{moment[:8]}/{self._region}/{self._service}/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
        signature = hmac.digest(self._key(credentials.secret, moment[:8]), text.encode(), "sha256").hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def _key(self, secret: str, day: str) -> bytes:
        if self._derived[:2] != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._derived = secret, day, key
        return self._derived[2]
