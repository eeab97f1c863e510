"""Make the environment of a measured process: what Lambda sets, and what template.yaml sets for the function."""

from pathlib import Path
from typing import Any

from benchmarks.errors import CannotMeasureError
from benchmarks.paths import PROJECT
from sandbox.stack.template import function_id, load_template

#: What Lambda itself sets, and nothing of the caller's own environment. A trace header and the tracer's daemon are left
#: out: the usual handler's tracer would send to it, ours needs none.
_LAMBDA = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "ASIABENCHMARK",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_SESSION_TOKEN": "benchmark",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "measured",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": "/usr/bin:/bin",
}


class FunctionEnvironments:
    """Read a checkout's template once. `url` is where AWS and the providers answer."""

    def __init__(self, url: str, project: Path = PROJECT) -> None:
        self._template = load_template(project / "template.yaml")
        self._url = url
        #: In MB.
        self.memory = int(self._template["Parameters"]["MemorySize"]["Default"])

    def of(self, function: str) -> dict[str, str]:
        """Return the environment of one function, named by its folder."""
        properties = self._template["Resources"][function_id(function)]["Properties"]
        shared = self._template["Globals"]["Function"]["Environment"]["Variables"]
        own = properties.get("Environment", {}).get("Variables", {})
        set_by_template = {name: self._value(name, given) for name, given in {**shared, **own}.items()}
        own_size = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory), "AWS_ENDPOINT_URL": self._url}
        return {**_LAMBDA, **own_size, **set_by_template}

    def _value(self, name: str, given: Any) -> str:
        """Return a variable's value: the server's address, the template's own, or its parameter's default."""
        if name.endswith("_BASE_URL") or name == "LOOPBACK_JWKS_ORIGIN":
            return self._url
        if name == "TOKEN_TABLE":
            return "token-broker"
        if given in self._template["Parameters"]:
            return str(self._template["Parameters"][given]["Default"])
        if not isinstance(given, str | int):
            raise CannotMeasureError(f"template.yaml sets {name} in a way that benchmarks/ does not know: {given}.")
        return str(given)
