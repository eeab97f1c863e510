"""A function with no memory of what was: as after a deployment, its next call is a cold start."""

from typing import Any


def renew(lambdas: Any, function: str) -> None:
    """End the function's idle processes by writing its current timeout again."""
    setting = lambdas.get_function_configuration(FunctionName=function)["Timeout"]
    lambdas.update_function_configuration(FunctionName=function, Timeout=setting)
