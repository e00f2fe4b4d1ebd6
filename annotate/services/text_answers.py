"""Read the texts that an annotator sent, and the signals of how they came to be. Pure but for its refusals.

What is written is stored as it was written, HTML and all: pages escape it. Refused is only what cannot be stored, what
hides from its readers, and what shows nothing.
"""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotate.exceptions import InvalidInput, TooLarge
from annotate.figures import whole
from annotate.services.label_answers import quote
from tasks.records.parameters import CampaignSettings
from tasks.text.guards import is_blank
from tasks.text.markdown.render import render_markdown
from tasks.text.written import find_unwritable
from tasks.vocabulary import Kind

#: How a text came to be, by name: the largest number that is believed.
SIGNALS: Mapping[str, float] = {"pasted_chars": 10_000_000, "typed_chars": 10_000_000, "seconds": 10_000_000}

UNWRITABLE: Mapping[str, Promise] = {
    "text_has_nul": gettext_lazy(
        "At position %(position)s the text holds a NUL character, which cannot be stored. Remove it and submit again."
    ),
    "text_has_surrogate": gettext_lazy(
        "At position %(position)s the text holds half of a character (%(character)s): it was cut or decoded wrongly. "
        "Write the whole character, or remove it, and submit again."
    ),
    "text_has_control": gettext_lazy(
        "At position %(position)s the text holds a control character (%(character)s), which no reader sees. Remove it "
        "and submit again."
    ),
    "text_has_override": gettext_lazy(
        "At position %(position)s the text holds a character that turns the order of letters around (%(character)s). "
        "Remove it and submit again; texts from right to left need none."
    ),
    "text_has_hidden": gettext_lazy(
        "At position %(position)s the text hides characters that no reader sees (%(character)s). Remove them and submit "
        "again."
    ),
    "text_has_stacked_marks": gettext_lazy(
        "At position %(position)s the text stacks more accents on one letter than any language does. Remove them and "
        "submit again."
    ),
}

EMPTY: Mapping[str, Promise] = {
    "text": gettext_lazy("The text is empty. Write something, or skip this work."),
    "prompt": gettext_lazy("The prompt is empty. A pair has a prompt and its reply: write both, or skip this work."),
    "reply": gettext_lazy("The reply is empty. A pair has a prompt and its reply: write both, or skip this work."),
}

_TAGS = re.compile(r"<[^>]*>")


def read_texts(
    body: Mapping[str, Any], *, kind: str, settings: CampaignSettings, languages: Sequence[str], language: str
) -> dict[str, Any]:
    """What was written: `text` and `language`, of a pair `reply` too, or that the conversation `ends_thread`.

    Raises InvalidInput (422) or TooLarge (413) with a code for each thing that can be wrong; `details` names the field.
    """
    if kind == Kind.WRITE_PROMPTER_REPLY and _read_end(body):
        return {"ends_thread": True}
    if kind == Kind.WRITE_PAIR:
        texts = {
            "text": _read_text(body, "prompt", settings=settings),
            "reply": _read_text(body, "reply", settings=settings),
        }
    else:
        texts = {"text": _read_text(body, "text", settings=settings)}
    return {**texts, "language": _read_language(body, languages=languages, language=language)}


def read_signals(value: Any) -> dict[str, float] | None:
    """How a text came to be, as numbers; None when nothing is told."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) - SIGNALS.keys():
        raise InvalidInput(
            _("signals must be an object with any of %(names)s.") % {"names": ", ".join(SIGNALS)},
            code="wrong_value",
            details={"field": "signals"},
        )
    for name, number in value.items():
        whole_number = name != "seconds"
        right = isinstance(number, int) if whole_number else isinstance(number, int | float)
        if not right or isinstance(number, bool) or not 0 <= number <= SIGNALS[name]:
            raise InvalidInput(
                _("signals.%(name)s must be a number from 0 to %(most)s.")
                % {"name": name, "most": whole(SIGNALS[name])},
                code="wrong_value",
                details={"field": "signals"},
            )
    return dict(value) or None


def shows_nothing(text: str) -> bool:
    """Whether a reader of the rendered text would see nothing at all. A picture or a formula is something."""
    plain = html.unescape(text)
    if is_blank(plain):
        return True
    if any(character.isalnum() for character in plain):
        return False
    rendered = render_markdown(text).html
    return "<img" not in rendered and "<math" not in rendered and is_blank(html.unescape(_TAGS.sub("", rendered)))


def _read_end(body: Mapping[str, Any]) -> bool:
    ends = body.get("ends_thread")
    if ends is not None and not isinstance(ends, bool):
        raise InvalidInput(
            _("%(name)s must be true or false.") % {"name": "ends_thread"},
            code="wrong_value",
            details={"field": "ends_thread"},
        )
    text = body.get("text")
    if ends and text is not None and not (isinstance(text, str) and is_blank(text)):
        raise InvalidInput(
            _(
                "Either the conversation ends here or you write its next turn; this says both. Clear the text, or take "
                "the end back."
            ),
            code="ends_thread_with_text",
            details={"field": "text"},
        )
    return bool(ends)


def _read_text(body: Mapping[str, Any], name: str, *, settings: CampaignSettings) -> str:
    text = body.get(name)
    if not isinstance(text, str):
        example = '{"prompt": "…", "reply": "…"}' if name in ("prompt", "reply") else '{"text": "…", "language": "…"}'
        raise InvalidInput(
            _("Send what you wrote as %(example)s.") % {"example": example},
            code="text_required",
            details={"field": name},
        )
    if len(text) > settings.max_text_chars:
        raise TooLarge(
            ngettext(
                "The text has %(length)s character; this campaign takes %(most)s. Shorten it and submit again.",
                "The text has %(length)s characters; this campaign takes %(most)s. Shorten it and submit again.",
                len(text),
            )
            % {"length": whole(len(text)), "most": whole(settings.max_text_chars)},
            code="text_too_long",
            details={"field": name, "chars": len(text), "max_chars": settings.max_text_chars},
        )
    found = find_unwritable(text)
    if found is not None:
        raise InvalidInput(
            UNWRITABLE[found.code] % {"position": whole(found.position), "character": found.character},
            code=found.code,
            details={"field": name, "position": found.position, "character": found.character},
        )
    if shows_nothing(text):
        raise InvalidInput(EMPTY[name], code="text_empty", details={"field": name})
    return text


def _read_language(body: Mapping[str, Any], *, languages: Sequence[str], language: str) -> str:
    written_in = body.get("language", language)
    # The language of the work itself stays right when the campaign gave it up while somebody was writing.
    if written_in not in (*languages, language):
        raise InvalidInput(
            _("This campaign does not work in %(language)s; its languages are %(languages)s.")
            % {"language": quote(written_in), "languages": ", ".join(languages)},
            code="unknown_language",
            details={"field": "language"},
        )
    return str(written_in)
