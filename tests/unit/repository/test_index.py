"""The index leads to every page, and to the answer of each question: two clicks from the front page."""

import re

from tests.unit.repository.pages import PAGES, ROOT, anchors, rows

INDEX = "docs/index.md"
#: The questions of a storefront developer, an AWS engineer and a Python developer.
QUESTIONS = 25


def linked(text: str) -> set[tuple[str, str]]:
    """Return the page and the heading of each link of the index."""
    found = re.findall(r"\]\(([^)#:]+)#?([^)]*)\)", text)
    folder = (ROOT / INDEX).parent
    return {((folder / page).resolve().relative_to(ROOT).as_posix(), heading) for page, heading in found}


def test_each_question_has_an_answer_under_a_heading_of_a_page() -> None:
    questions = rows(INDEX, "By question")

    assert len(questions) == QUESTIONS
    assert "](docs/index.md)" in (ROOT / "README.md").read_text()
    for question, answer in questions:
        assert linked(answer), question
        assert [page for page, heading in linked(answer) if heading and heading not in anchors(page)] == [], question


def test_the_index_leads_to_every_page() -> None:
    """Decisions have an index of their own, and their readers come from it."""
    pages = {page for page in PAGES if not re.match(r"docs/decisions/\d", page)}

    assert pages - {page for page, _ in linked((ROOT / INDEX).read_text())} == {INDEX}
