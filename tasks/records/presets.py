"""What each preset of a campaign starts with, as data: kinds of work, guideline and label schema."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.records.campaigns import Anchor, DimensionSpec, GuidelineSpec
from tasks.vocabulary import Kind, MessageRole, Preset, Widget


@dataclass(frozen=True, slots=True)
class PresetRecord:
    """`summary` tells an organizer what volunteers will do; `parameters` are those that differ from the defaults."""

    summary: str
    kinds: tuple[Kind, ...]
    guideline: GuidelineSpec
    parameters: Mapping[str, Any] = field(default_factory=dict)


def _scale(name: str, title: str, *points: str, roles: tuple[MessageRole, ...]) -> DimensionSpec:
    steps = len(points) - 1
    anchors = tuple(Anchor(value=i / steps, title=point) for i, point in enumerate(points))
    return DimensionSpec(name=name, title=title, widget=Widget.SCALE, anchors=anchors, applies_to=roles)


def _flag(name: str, title: str) -> DimensionSpec:
    return DimensionSpec(name=name, title=title, widget=Widget.FLAG)


_BOTH = (MessageRole.PROMPTER, MessageRole.ASSISTANT)
_REPLY = (MessageRole.ASSISTANT,)

#: The label schema of a campaign that brings none. Higher is more of what the title asks for.
DEFAULT_LABELS: tuple[DimensionSpec, ...] = (
    DimensionSpec(
        name="spam",
        title="Is this spam, or written without any effort?",
        widget=Widget.YES_NO,
        mandatory=True,
    ),
    DimensionSpec(
        name="fails_task",
        title="Does this reply fail to do what was asked?",
        widget=Widget.YES_NO,
        applies_to=_REPLY,
    ),
    _flag("lang_mismatch", "It is not in the language it should be in"),
    _flag("pii", "It tells personal data of a real person"),
    _flag("not_appropriate", "It does not belong in this campaign"),
    _flag("hate_speech", "It attacks people for what they are"),
    _flag("sexual_content", "It is sexual"),
    _scale("quality", "How good is it?", "Poor", "Weak", "Fair", "Good", "Excellent", roles=_BOTH),
    _scale(
        "helpfulness", "How much does it help whoever asked?",
        "Not at all", "A little", "Partly", "Mostly", "Completely", roles=_REPLY,
    ),
    _scale(
        "creativity", "How inventive is it?",
        "Ordinary", "Hardly inventive", "Somewhat inventive", "Inventive", "Strikingly new", roles=_BOTH,
    ),
    _scale("humor", "How funny is it?", "Serious", "Hardly funny", "Somewhat funny", "Funny", "Hilarious", roles=_BOTH),
    _scale(
        "toxicity", "How rude is it?",
        "Polite", "Slightly rude", "Rude", "Insulting", "Abusive", roles=_BOTH,
    ),
    _scale(
        "violence", "How violent is it?",
        "Harmless", "Mentions violence", "Describes violence", "Approves of violence", "Calls for violence",
        roles=_BOTH,
    ),
)  # fmt: skip

_RANK = GuidelineSpec(
    text=(
        "Read the conversation, then all replies, and put them in order.\n\n"
        "- Ask which reply you would rather have been given: correct first, then useful, then clear.\n"
        "- Put replies that are equally good side by side. A tie is an answer.\n"
        "- Set the bar below the last reply that you would accept. If none is acceptable, say so.\n"
        "- Length is no merit. A made-up fact is worse than an honest gap.\n"
        "- If you cannot judge it, choose “I can't tell” or skip: that helps more than a guess."
    )
)
_COMPARE = GuidelineSpec(
    text=(
        "Read the conversation, then both replies, and choose the better one.\n\n"
        "- Ask which reply you would rather have been given: correct first, then useful, then clear.\n"
        "- If neither is better, say that they are equal. A tie is an answer.\n"
        "- Length is no merit. A made-up fact is worse than an honest gap.\n"
        "- If you cannot judge it, choose “I can't tell” or skip: that helps more than a guess."
    )
)
_LABEL = GuidelineSpec(
    text=(
        "Read the message in its conversation, then answer the questions about that message alone.\n\n"
        "- Leave open what you cannot say: an empty answer is kept as empty, never as a low value.\n"
        "- Describe what is there, not whether you agree with it.\n"
        "- If the message is spam, say so and go on; nothing else needs an answer."
    )
)
_TREES = GuidelineSpec(
    text=(
        "Here you write replies as a good assistant would, and judge the replies of others.\n\n"
        "- Answer what was asked: correct, complete and as short as it can be.\n"
        "- Say what you do not know. Never invent facts, quotations or sources.\n"
        "- Write in your own words. Copy from no book, site or model.\n"
        "- Be polite, also where the question is not; decline what would do harm, and say why.\n"
        "- When you rank, ask which reply you would rather have been given; equal replies go side by side."
    )
)

PRESETS: Mapping[Preset, PresetRecord] = {
    Preset.RANK: PresetRecord("Volunteers order several candidates under one prompt.", (Kind.RANK,), _RANK),
    Preset.COMPARE: PresetRecord("Volunteers choose the better of two candidates.", (Kind.COMPARE,), _COMPARE),
    Preset.LABEL: PresetRecord("Volunteers answer questions about single messages.", (Kind.LABEL,), _LABEL),
    Preset.TREES: PresetRecord(
        "Volunteers write replies to prompts, then rank and label them.",
        (Kind.WRITE_ASSISTANT_REPLY, Kind.RANK, Kind.LABEL),
        _TREES,
    ),
}
