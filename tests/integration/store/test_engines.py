"""Each engine that stands for DynamoDB is the one that the test's id names, and loses answers as the tests have it."""

from tests.integration.support.outages import answer_lost
from tests.integration.support.store_harness import StoreBench

#: A header by which each engine's answers are known, and how it begins.
SIGNATURES = {
    "moto": ("server", "amazon.com"),
    "local-aws": ("access-control-allow-origin", "*"),
    "dynamodb-local": ("server", "Jetty"),
}


def test_the_engine_answers_for_itself(bench: StoreBench, engine: str) -> None:
    header, beginning = SIGNATURES[engine]

    answer = bench.dynamodb.describe_table(TableName=bench.table_name)

    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert str(headers.get(header)).startswith(beginning)


def test_a_call_whose_answer_is_lost_was_carried_out(bench: StoreBench) -> None:
    """The addition happens twice: unseen, and again as botocore repeats the call."""
    with answer_lost(bench.dynamodb, "UpdateItem") as lost:
        bench.change("counted", "ADD additions :one", "counted", one=1)

    assert lost.struck == 1
    assert bench.item("counted", "counted")["additions"] == 2
