"""What is counted in a text: its length, and marks of Markdown where they are marks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text.style import measure_style


@pytest.mark.parametrize(
    ("text", "traits"),
    [
        ("", (0, 0, 0, 0)),
        ("Plain words.", (0, 0, 0, 0)),
        ("# One\n\n### Two\n#hashtag", (2, 0, 0, 0)),
        ("- a\n* b\n+ c\n1. d\n  2) e\n-no\n", (0, 5, 0, 0)),
        ("**bold** and __too__, not ** this **x* ", (0, 0, 3, 0)),
        ("`x` and `y`", (0, 0, 0, 2)),
        ("```py\n# no heading\n- no item\n**no**\n```\n- item", (0, 1, 0, 1)),
        ("```\nnever closed\n# still code", (0, 0, 0, 1)),
        ("~~~~\n```\n~~~~\n# yes", (1, 0, 0, 1)),
        ("`**no**`", (0, 0, 0, 1)),
    ],
)
def test_marks_are_counted_where_they_are_marks(text, traits) -> None:
    assert measure_style(text) == (len(text), *traits)


@given(st.text(alphabet="#*_`~-+1. \nab", max_size=200))
def test_anything_can_be_measured(text) -> None:
    traits = measure_style(text)
    assert traits.characters == len(text)
    assert all(0 <= count <= len(text) for count in traits)


def test_hostile_texts_are_measured_in_a_moment() -> None:
    for hostile in (
        "*" * 20_000,
        "`" * 20_001,
        "**a" * 7_000,
        "__a_" * 5_000,
        "- " * 10_000,
        "#" * 20_000,
        "~~~\n" * 5_000,
    ):
        assert measure_style(hostile).characters == len(hostile)
