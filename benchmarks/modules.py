"""Hold the budget of modules: what a fresh process may have loaded when it answers."""

from collections.abc import Collection

from benchmarks.cases import Case

#: No response needs these.
NEVER = ("boto3", "pydantic", "aws_xray_sdk")
#: A response from the table needs these only if Powertools loads them itself.
HEAVY = ("botocore.session", "botocore.client", "urllib3", "http.client", "ssl", "email", "dataclasses", "inspect")
#: The answers of functions that mostly read the table, whose modules are counted.
FROM_THE_TABLE = ("shopify-current", "fourthwall-current", "shop-authorizer")
#: How many modules more than the floor they may load.
MORE_THAN_FLOOR = 45


def superfluous(case: Case, loaded: Collection[str], *, floor: int, powertools: Collection[str]) -> list[str]:
    """Return a sentence for each module that the case's response does not need, and one if they are too many.

    `floor` is the number of the floor's modules. `powertools` are those that Powertools loads by itself.
    """
    stored = case.key in FROM_THE_TABLE
    unneeded = [
        *NEVER,
        *(() if case.loads_requests else ("requests",)),
        *((name for name in HEAVY if name not in powertools) if stored else ()),
    ]
    advice = "Import it where it is used, or not at all."
    found = [
        f"{case.title}: {name} was loaded, which this response does not need. {advice}"
        for name in unneeded
        if name in loaded
    ]
    if stored and len(loaded) > floor + MORE_THAN_FLOOR:
        more = len(loaded) - floor
        found.append(f"{case.title}: {more} modules more than the floor, and {MORE_THAN_FLOOR} are allowed.")
    return found
