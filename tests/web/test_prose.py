"""Prose of ours in pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from annotate.templatetags.prose import code_spans

STYLES = Path(__file__).parents[2] / "annotate/static/site"


def test_backticks_become_code_and_markup_is_escaped():
    assert code_spans("Send `a < b`, <b>now</b>.") == "Send <code>a &lt; b</code>, &lt;b&gt;now&lt;/b&gt;."


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_of_code_can_be_read_in_both_themes(theme: int):
    """WCAG 2.2, 1.4.3: at least 4.5 against the well that code stands in."""
    styles = {name: (STYLES / name).read_text(encoding="utf-8") for name in ("chorus.css", "prose.css")}
    pairs = re.compile(r"--([\w-]+):\s*light-dark\((#\w+),\s*(#\w+)\)")
    well = {name: colours for name, *colours in pairs.findall(styles["chorus.css"])}["well"][theme]
    code = {name: colours[theme] for name, *colours in pairs.findall(styles["prose.css"])}
    assert len(code) == 7
    assert {name: contrast(colour, well) for name, colour in code.items() if contrast(colour, well) < 4.5} == {}


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
