"""What holds for every test."""

import gc


def pytest_collection_finish() -> None:
    """Thousands of collected tests live to the end: the garbage collector need not look through them again and again,
    which costs a sixth of the unit tests' time.
    """
    gc.freeze()
