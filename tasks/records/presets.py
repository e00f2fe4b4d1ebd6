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


def _scale(name: str, title: str, *points: str, roles: tuple[MessageRole, ...], simple: bool = False) -> DimensionSpec:
    steps = len(points) - 1
    anchors = tuple(Anchor(value=i / steps, title=point) for i, point in enumerate(points))
    return DimensionSpec(name=name, title=title, widget=Widget.SCALE, anchors=anchors, applies_to=roles, simple=simple)


def _flag(name: str, title: str, *, simple: bool = False) -> DimensionSpec:
    return DimensionSpec(name=name, title=title, widget=Widget.FLAG, simple=simple)


_BOTH = (MessageRole.PROMPTER, MessageRole.ASSISTANT)
_REPLY = (MessageRole.ASSISTANT,)

#: The label schema of a campaign that brings none. Higher is more of what the title asks for.
DEFAULT_LABELS: tuple[DimensionSpec, ...] = (
    DimensionSpec(
        name="spam",
        title="Is this spam, or written without any effort?",
        widget=Widget.YES_NO,
        mandatory=True,
        simple=True,
    ),
    DimensionSpec(
        name="fails_task",
        title="Does this reply fail to do what was asked?",
        widget=Widget.YES_NO,
        applies_to=_REPLY,
    ),
    _flag("lang_mismatch", "It is not in the language it should be in", simple=True),
    _flag("pii", "It tells personal data of a real person"),
    _flag("not_appropriate", "It does not belong in this campaign"),
    _flag("hate_speech", "It attacks people for what they are"),
    _flag("sexual_content", "It is sexual"),
    _scale("quality", "How good is it?", "Poor", "Weak", "Fair", "Good", "Excellent", roles=_BOTH, simple=True),
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
        "Here conversations grow. Some people write what somebody asks, others what a good assistant answers; "
        "everything that is written is reviewed by other people, and replies to the same message are ranked. Write in "
        "the language that the work names, in your own words, and copy from no book, site or model.\n\n"
        "## When you write a prompt\n\n"
        "- Ask what you, or somebody you know, would really want to know or have done.\n"
        "- Say what one needs in order to answer: for whom, how long, in which form, what was tried.\n"
        "- One request at a time. Spelling need not be perfect, but it must be clear what is wanted.\n"
        "- No personal data of real people, and nothing that asks for harm.\n\n"
        "## When you write a turn of the person who asks\n\n"
        "- Read the whole conversation, and go on as that person would: ask back, correct, want it otherwise.\n"
        "- React to what the reply says. A new subject belongs in a new prompt.\n"
        "- If nothing is left to say, choose “The conversation is finished”. That is a full answer.\n\n"
        "## When you write or improve a reply of the assistant\n\n"
        "- Answer what was asked: correct, complete and as short as it can be.\n"
        "- Say what you do not know. Never invent facts, quotations or sources.\n"
        "- Be polite, also where the question is not; decline what would do harm, and say why.\n"
        "- To improve a reply, keep what is good in it and change what is not.\n\n"
        "## When you review a message\n\n"
        "- Two answers decide whether it stays: whether it is spam, or written without any effort, and whether it is in "
        "the language it should be in. Call it neither because you disagree, or would have written it better.\n"
        "- Everything else you answer describes the message and decides nothing. Leave open what you cannot say.\n\n"
        "## When you rank\n\n"
        "- Ask which reply you would rather have been given: correct first, then useful, then clear.\n"
        "- Replies that are equally good go side by side. Length is no merit.\n"
        "- Set the bar below the last one that you would accept. If you cannot judge them, skip."
    ),
    examples=(
        {
            "title": "A prompt that one can answer",
            "better": "My sourdough smells of vinegar and does not rise. I feed it once a day, the kitchen has 18 °C. "
            "What should I change first?",
            "worse": "sourdough??",
            "why": "The first says what was tried and what is wanted. Nobody can answer the second well.",
        },
        {
            "title": "A turn that goes on from the reply",
            "prompt": "Assistant: Feed it twice a day, and keep it at 25 °C.",
            "better": "I have nothing that keeps 25 °C. Would the oven with only its light on do?",
            "worse": "ok thanks. And who was the first person on the moon?",
            "why": "The first takes up the reply. The second begins a new conversation, and belongs in a new prompt.",
        },
        {
            "title": "A reply that admits what it does not know",
            "prompt": "How many people speak Ladin?",
            "better": "About 30,000 people in northern Italy; counts differ, and I am not sure of the newest one.",
            "worse": "Exactly 31,427, according to the World Ladin Census of 2021.",
            "why": "The second looks more certain, and its source does not exist.",
        },
        {
            "title": "A short reply is not spam",
            "prompt": "Is 91 a prime number?",
            "text": "No, 7 times 13 is 91.",
            "why": "It is right and says why in six words. Spam is what nobody put any effort into, not what is short.",
        },
    ),
)  # fmt: skip

PRESETS: Mapping[Preset, PresetRecord] = {
    Preset.RANK: PresetRecord("Volunteers order several candidates under one prompt.", (Kind.RANK,), _RANK),
    Preset.COMPARE: PresetRecord("Volunteers choose the better of two candidates.", (Kind.COMPARE,), _COMPARE),
    Preset.LABEL: PresetRecord("Volunteers answer questions about single messages.", (Kind.LABEL,), _LABEL),
    Preset.TREES: PresetRecord(
        "Volunteers write prompts and both sides of conversations, review each other's messages and rank replies.",
        # No pairs: a reply by whoever asked knows what was meant, which the others that it competes with cannot.
        (
            Kind.WRITE_ASSISTANT_REPLY,
            Kind.WRITE_PROMPTER_REPLY,
            Kind.WRITE_PROMPT,
            Kind.IMPROVE_REPLY,
            Kind.RANK,
            Kind.LABEL,
        ),
        _TREES,
        {"grow_trees": True},
    ),
}
