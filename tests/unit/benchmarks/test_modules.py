"""Which modules a response may not have loaded."""

import pytest

from benchmarks.canned_server import Scene
from benchmarks.cases import Case
from benchmarks.modules import MORE_THAN_FLOOR, superfluous


def case(key: str, *, loads_requests: bool = False) -> Case:
    return Case(key, "shopify/a", "A", loads_requests, 200, Scene(), "{}")


STORED, MINTED = case("shopify-current"), case("shopify-minted", loads_requests=True)


@pytest.mark.parametrize(
    ("which", "loaded", "problems"),
    [
        pytest.param(STORED, {"json"}, 0, id="what is needed"),
        pytest.param(STORED, {"botocore.client"}, 1, id="an SDK for a stored token"),
        pytest.param(STORED, {"email"}, 0, id="what Powertools loads itself"),
        pytest.param(STORED, {"requests"}, 1, id="requests for a stored token"),
        pytest.param(MINTED, {"requests", "botocore.client"}, 0, id="what a mint needs"),
        pytest.param(MINTED, {"boto3"}, 1, id="what nothing needs"),
    ],
)
def test_a_module_that_the_response_does_not_need_is_a_problem(which: Case, loaded: set[str], problems: int) -> None:
    assert len(superfluous(which, loaded, floor=10, powertools={"email"})) == problems


@pytest.mark.parametrize(("which", "more", "problems"), [(STORED, 0, 0), (STORED, 1, 1), (MINTED, 1, 0)])
def test_only_an_answer_from_the_table_has_a_budget_above_the_floor(which: Case, more: int, problems: int) -> None:
    loaded = {f"module_{number}" for number in range(10 + MORE_THAN_FLOOR + more)}

    assert len(superfluous(which, loaded, floor=10, powertools=())) == problems
