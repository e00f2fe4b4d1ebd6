"""Names in the words of the page: languages, kinds of work, states of a campaign."""

from __future__ import annotations

from typing import Any

from django.conf.locale import LANG_INFO
from django.utils.translation import gettext_lazy as _

from tasks.text.languages import base_language
from tasks.vocabulary import CampaignState, Kind

#: Names that Django does not bring, each in its own language.
MORE_LANGUAGES = {"ha": "Hausa", "yo": "Yorùbá", "zu": "isiZulu", "am": "አማርኛ", "om": "Afaan Oromoo", "so": "Soomaali",
    "rw": "Ikinyarwanda", "ln": "Lingála", "tl": "Tagalog", "jv": "Basa Jawa", "my": "မြန်မာ", "km": "ខ្មែរ", "lo": "ລາວ",
    "si": "සිංහල", "gu": "ગુજરાતી", "or": "ଓଡ଼ିଆ", "ps": "پښتو", "ku": "Kurdî", "la": "Latina", "zh": "中文", "ug": "ئۇيغۇرچە"}  # fmt: skip

KIND_NAMES = {
    Kind.RANK: _("Rank replies"),
    Kind.COMPARE: _("Compare two replies"),
    Kind.LABEL: _("Label a message"),
    Kind.WRITE_ASSISTANT_REPLY: _("Reply as the assistant"),
    Kind.WRITE_PROMPTER_REPLY: _("Reply as the person who asks"),
    Kind.WRITE_PROMPT: _("Write a prompt"),
    Kind.WRITE_PAIR: _("Write a prompt and its reply"),
    Kind.IMPROVE_REPLY: _("Improve a reply"),
}
#: What a kind of work is for, for whoever chooses it on a form.
KIND_NOTES = {
    Kind.RANK: _("Several replies to the same message are put in order."),
    Kind.COMPARE: _("The better of two is chosen. The quickest to answer."),
    Kind.LABEL: _("Your questions about single messages. Where trees grow, this is the review of what people write."),
    Kind.WRITE_ASSISTANT_REPLY: _("What a good assistant would answer."),
    Kind.WRITE_PROMPTER_REPLY: _("What the person would say next, or that the conversation is finished."),
    Kind.WRITE_PROMPT: _("Conversations begin here. Asked for as trees need them, by your briefs."),
    Kind.WRITE_PAIR: _("A prompt along with a first reply, from one hand."),
    Kind.IMPROVE_REPLY: _("A reply is made better. The new text counts as preferred to the old one."),
}
STATE_NAMES = {
    CampaignState.DRAFT: _("draft"),
    CampaignState.OPEN: _("open"),
    CampaignState.PAUSED: _("paused"),
    CampaignState.CLOSED: _("closed"),
}


def language_name(code: str) -> str:
    """A language by its own name: `de` is Deutsch; with its region or script where it has one."""
    for known in (code.lower(), base_language(code)):
        info: dict[str, Any] = LANG_INFO.get(known, {})
        name = info.get("name_local") or MORE_LANGUAGES.get(known)
        if name:
            name = name[0].upper() + name[1:]
            return name if known == code.lower() else f"{name} ({code.split('-', 1)[1]})"
    return code


def list_languages() -> list[tuple[str, str]]:
    """Every language that has a name here, without regions and scripts: code and name, by name."""
    codes = {code for code in (*LANG_INFO, *MORE_LANGUAGES) if "-" not in code}
    return sorted(((code, language_name(code)) for code in codes), key=lambda known: known[1].casefold())


def isolated(name: str) -> str:
    """A name within a sentence, so that neither turns the direction of the other."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def kind_name(kind: str) -> str:
    """A kind of work as a request: Rank replies."""
    return str(KIND_NAMES.get(Kind(kind), kind)) if kind in set(Kind) else kind


def state_name(state: str) -> str:
    """The state of a campaign in words."""
    return str(STATE_NAMES.get(CampaignState(state), state)) if state in set(CampaignState) else state
