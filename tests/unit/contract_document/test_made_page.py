"""The page of routes is that of the document."""

from reference_pages import routes


def test_the_page_is_not_stale() -> None:
    assert routes.PAGE.read_text() == routes.page(), "run make pages"
