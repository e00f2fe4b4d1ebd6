"""A text as one line of plain words, for lists: without the marks of Markdown, which say nothing there.

Only marks go that Markdown would not show: what is in a code span stays as it is, and so do a * between numbers and the
_ of a name. A text that is cut anywhere is read like any other, so that its beginning alone may be given.
"""

import re

_BLOCK = re.compile(
    r"""^[ ]{0,3}(?:>[ ]?)*[ ]{0,3}(?:
      (?P<rule>(?:```|~~~)[^\n]*|(?:[-*_][ ]*){3,}|=+[ ]*|\|?[ ]*:?-{2,}:?[ ]*(?:\|[ ]*:?-*:?[ ]*)*)$
      |\#{1,6}[ ]+
      |(?P<bullet>[-*+][ ]+)(?:\[[ xX]\][ ]+)?
    )?""",
    re.VERBOSE | re.MULTILINE,
)
_INLINE = re.compile(
    r"""(?P<ticks>`+)(?P<code>[^`\n]{1,500})(?P=ticks)
      |!?\[(?P<words>[^\[\]\n]{0,300})\]\((?:[^()\s]|\([^()\s]*\)){0,600}(?:[ ]"[^"\n]{0,200}")?\)
      |<(?P<address>https?://[^\s<>]{1,600})>
      |\\(?P<escaped>[!-/:-@\[-`{-~])""",
    re.VERBOSE,
)
_EMPHASIS = (
    re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*\n]{0,400}[^\s*])\1(?![\w*])"),
    re.compile(r"(?<!\w)(_{1,3})(?=[^\s_])([^\n]{0,400}?[^\s_])\1(?!\w)"),
    re.compile(r"(~~)(?=[^\s~])([^~\n]{0,400}[^\s~])\1"),
)
_KEPT = re.compile("\x00(\\d+)\x00")
BULLET = "• "


def as_plain_line(text: str) -> str:
    """Return the words of a text in Markdown on one line."""
    kept: list[str] = []

    def keep(said: str) -> str:
        kept.append(said)
        return f"\x00{len(kept) - 1}\x00"

    def tell(found: re.Match[str]) -> str:
        said = found["words"]
        if said is not None:
            return said
        return keep(found["code"] or found["address"] or found["escaped"])

    plain = _BLOCK.sub(lambda found: BULLET if found["bullet"] else "", text.replace("\x00", ""))
    plain = _INLINE.sub(tell, plain)
    for emphasis in _EMPHASIS:
        plain = emphasis.sub(r"\2", plain)
    plain = _KEPT.sub(lambda found: kept[int(found[1])], plain)
    return " ".join(plain.split())
