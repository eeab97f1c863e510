"""Run a page's block of Python, and note the status of each response that it gets with requests."""

import os
import runpy
import sys
from pathlib import Path
from typing import Any

import requests

TRIED = Path(os.environ["TRIED"])


class NotingSession(requests.Session):
    def request(self, *given: Any, **options: Any) -> requests.Response:
        response = super().request(*given, **options)
        with (TRIED / "statuses").open("a") as file:
            file.write(f"{(TRIED / 'block').read_text().strip()} {response.status_code}\n")
        return response


for module in (requests, requests.sessions):
    setattr(module, "Session", NotingSession)  # noqa: B010  # mypy forbids to assign to a class
runpy.run_path(sys.argv[1], run_name="__main__")
