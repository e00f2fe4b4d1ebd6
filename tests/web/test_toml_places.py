"""Where in a file of a campaign a problem stands."""

from __future__ import annotations

import pytest

from annotate.web.toml_places import find_line, map_places

FILE = '''# a comment
slug = "birds"
languages = ["en", "xx-"]
title = """
redundancy = 3
[guideline]
"""
[parameters]
redundancy = 0

[[targets]]
language = "en"
[[targets]]
language = "fr"
judgments = 1
[[guideline.examples]]
"why" = 'x'
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("slug", 2),
        ("languages[1]", 3),
        ("parameters.redundancy", 9),
        ("targets[0]", 11),
        ("targets[1].judgments", 15),
        ("targets[1].topic", 13),
        ("guideline.examples[0].why", 17),
        ("redundancy", None),
        ("nowhere", None),
        ("", None),
    ],
)
def test_place_has_its_line(place, line):
    assert find_line(FILE, place) == line


def test_lines_within_a_long_text_are_no_places():
    assert "guideline" not in map_places(FILE)


@pytest.mark.parametrize("text", ["", "=", "[", "[[", '"""', "[[a]\n=", "a = '''\nb = 1", "\0", "[a.b]\nc=1"])
def test_whatever_is_no_file_has_no_lines_and_no_failure(text):
    assert all(isinstance(line, int) for line in map_places(text).values())
