"""Prose of ours in pages."""

from __future__ import annotations

from annotate.templatetags.prose import code_spans


def test_backticks_become_code_and_markup_is_escaped():
    assert code_spans("Send `a < b`, <b>now</b>.") == "Send <code>a &lt; b</code>, &lt;b&gt;now&lt;/b&gt;."
