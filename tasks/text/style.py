"""What can be counted in a text that somebody compares with another: its length, and its marks of Markdown."""

import re

from tasks.records.leaderboard import TextTraits

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]+[^ \t]")
_BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")
_INLINE_CODE = re.compile(r"`[^`\n]+`")


def measure_style(text: str) -> TextTraits:
    """Return what the text has; what stands in a block of code counts as that block alone."""
    headings = lists = bold = code = 0
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
            continue
        if mark:
            fence = mark[1]
            code += 1
            continue
        headings += bool(_HEADING.match(line))
        lists += bool(_ITEM.match(line))
        code += len(_INLINE_CODE.findall(line))
        bold += len(_BOLD.findall(_INLINE_CODE.sub("", line)))
    return TextTraits(len(text), headings, lists, bold, code)
