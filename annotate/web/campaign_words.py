"""What the fields and parameters of a campaign are called, what they mean, and what changing them does."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from annotate.web.field_words import NEXT, OPEN_WORK, FieldWords, Words
from annotate.web.growth_words import GROWTH_FIELDS
from tasks.vocabulary import CampaignRole, CampaignState, MessageRole, PolicyName, Preset, ReleaseSchedule

PARAMETER = "parameters."
ASKED_NEXT = _("Holds for what generators are asked from now on.")
RESULTS_EFFECT = _("Every consensus is computed again, within minutes.")
TERMS_EFFECT = _("Generators outside are not asked any more, and releases from now on leave their texts out.")

FIELDS: dict[str, FieldWords] = {
    "title": FieldWords(_("Title"), _("What people read in lists.")),
    "slug": FieldWords(
        _("Address"), _("Small letters, digits and hyphens. It stays for good: addresses and releases name it.")
    ),
    "purpose": FieldWords(
        _("Purpose"), _("What you want to find out, and what becomes of it. Volunteers read this before they start.")
    ),
    "licence": FieldWords(
        _("Licence of what people give"),
        _("The SPDX name, such as CC-BY-4.0 or CC0-1.0."),
        _("Releases that are made from now on carry it. Those that exist keep theirs."),
    ),
    "languages": FieldWords(
        _("Languages"),
        _("Those in which people work here."),
        _("What is there in a language that you take out is kept, and no longer offered."),
    ),
    "kinds": FieldWords(_("Kinds of work"), "", OPEN_WORK),
    "allow_guests": FieldWords(
        _("Guests may take part"), _("Without an account. More people start; you know less about them."), NEXT
    ),
    "preset": FieldWords(_("What volunteers do")),
    "guideline": FieldWords(
        _("Guideline"), "", _("A new version. What was judged keeps the version it was judged under.")
    ),
    "label_schema": FieldWords(
        _("Questions"), "", _("A new version. Labels that were given keep theirs; open work asks the new questions.")
    ),
    "targets": FieldWords(_("Targets"), "", _("Work where most is missing is offered first, within a minute.")),
    "shares": FieldWords(
        _("Target shares"), "", _("What is furthest from its share is offered first, within a minute.")
    ),
    "generators": FieldWords(_("Generators"), "", _("Asked for prompts that lack candidates. Texts that exist stay.")),
    "output_terms": FieldWords(
        _("Terms on the texts of models that you take"),
        _("Nothing ticked: any. Others are not asked, and what they wrote is in no release."),
        TERMS_EFFECT,
    ),
    "model_licences": FieldWords(
        _("Licences of models that you take"),
        _("Their short names, such as “Apache-2.0, MIT”, with a comma between. Empty: any."),
        TERMS_EFFECT,
    ),
    "release": FieldWords(_("Releases by themselves"), "", _("The next date follows from it.")),
    "state": FieldWords(_("State")),
    "parameters.redundancy": FieldWords(
        _("Judgments for each piece of work"), _("How many people judge the same thing."), OPEN_WORK
    ),
    "parameters.candidates_shown": FieldWords(
        _("Replies shown at once"), _("Prompts with more replies are ranked a few at a time."), NEXT
    ),
    "parameters.replies_wanted": FieldWords(
        _("Replies by people for each prompt"), _("Where writing is among the kinds of work."), OPEN_WORK
    ),
    "parameters.lease_seconds": FieldWords(
        _("A hold lasts, in seconds"),
        _("Without activity. Then the work is offered to others; the draft is kept."),
        NEXT,
    ),
    "parameters.offered_lease_seconds": FieldWords(
        _("A hold nobody has looked at lasts, in seconds"),
        _("Given along with the last answer; at most the line above."),
        NEXT,
    ),
    "parameters.max_held": FieldWords(_("Holds one person may have"), "", NEXT),
    "parameters.daily_cap": FieldWords(_("Judgments one person may give in 24 hours"), _("Empty: no limit."), NEXT),
    "parameters.max_text_chars": FieldWords(_("Longest text somebody may write, in characters"), "", NEXT),
    "parameters.require_rationale": FieldWords(
        _("Every judgment needs its reason in words"), _("Slower, and worth more to read."), NEXT
    ),
    "parameters.stop_confidence": FieldWords(
        _("Stop asking when this sure"),
        _("How certain the order must be. Empty: always ask as many as the line above says."),
        OPEN_WORK,
    ),
    "parameters.stop_best": FieldWords(
        _("Stop asking when this sure of the best"),
        _(
            "How probable it must be that the first reply is the best, whatever the others' order. Empty: this stops nothing."
        ),
        OPEN_WORK,
    ),
    "parameters.least_gain": FieldWords(
        _("Stop asking when one more judgment gains less than this"),
        _("By how much it can be expected to make the order surer: 0.01 is one hundredth. Empty: this stops nothing."),
        OPEN_WORK,
    ),
    "parameters.min_judgments": FieldWords(
        _("Ask at least"), _("Judgments, however sure the first ones are."), OPEN_WORK
    ),
    "parameters.max_judgments": FieldWords(_("Ask at most"), _("Judgments, however unsure they leave it."), OPEN_WORK),
    "parameters.weigh_reliability": FieldWords(
        _("Trust those more whose rankings others confirm"),
        _("How much a ranking counts then follows from how reliable its author was found. Nothing is deleted."),
        RESULTS_EFFECT,
    ),
    "parameters.show_leaderboard": FieldWords(
        _("Everybody sees the leaderboard before the campaign is closed"),
        _(
            "Knowing which generators do well then sways people who think they recognise a style. No text says who wrote it."
        ),
        _("Holds at once."),
    ),
    "parameters.gold_share": FieldWords(
        _("Share of the work whose answer is known"),
        _("Between 0 and 0.5. It is mixed in from your gold items, and nobody can tell it apart. 0: none."),
        NEXT,
    ),
    "parameters.training_judgments": FieldWords(
        _("First judgments of each person that train"),
        _("Among them known answers are more frequent: 4 in 10 at first, 1 in 10 in the end. 0: nobody is trained."),
        NEXT,
    ),
    "parameters.explain_gold": FieldWords(
        _("Explain a known answer at once"),
        _("People then learn from it. Otherwise it only measures, and is explained when the item is retired."),
        NEXT,
    ),
    "parameters.policy": FieldWords(
        _("What decides which work comes first"),
        _("Coverage asks for what the campaign still lacks most, for each minute that it takes."),
        NEXT,
    ),
    "parameters.rival_policy": FieldWords(
        _("Compare it with"),
        _("Half of the prompts then follow this rule instead, and the coverage page tells how both do."),
        NEXT,
    ),
    "parameters.match_people": FieldWords(
        _("Give people the work that fits them"),
        _("Among what is wanted most, somebody is given what they can add most to. Nobody is told why."),
        NEXT,
    ),
    "parameters.random_share": FieldWords(
        _("Share of the work that is drawn by lot"),
        _("It shows what choosing does to the answers. 0.05 is one piece in twenty."),
        NEXT,
    ),
    "parameters.wait_days": FieldWords(
        _("Days after which waiting work comes first"),
        _("So that nothing waits for ever."),
        NEXT,
    ),
    "parameters.open_briefs": FieldWords(
        _("Ask for prompts where they are missing"),
        _("Requests to write them open and close by themselves. You can stop each one for good."),
        NEXT,
    ),
    "parameters.ask_variety": FieldWords(
        _("Ask other generators where candidates are alike"),
        _("Only generators that you marked for variety are asked."),
        NEXT,
    ),
    "parameters.topics": FieldWords(
        _("Topics to look for"),
        _("Prompts are grouped by what they are about. Empty: as many as their number suggests."),
        NEXT,
    ),
    "parameters.embedder": FieldWords(
        _("What compares prompts by meaning"),
        _(
            "“hashing” compares words and needs no model. A model on the workers: “transformers:NAME”; one on a server: “server:NAME/MODEL”."
        ),
        NEXT,
    ),
    "parameters.candidates_per_prompt": FieldWords(
        _("Candidates that generators write for each prompt"),
        _(
            "Each prompt is given to some of the generators, so that all of them meet often. Empty: every generator answers every prompt."
        ),
        ASKED_NEXT,
    ),
    "parameters.redraws": FieldWords(
        _("How often an answer is drawn again"),
        _("One that is empty, breaks off, repeats itself, or says nearly what another one says."),
        ASKED_NEXT,
    ),
    "parameters.near_duplicate_similarity": FieldWords(
        _("Nearly the same from this share of common words"), _("1: only equal texts are drawn again."), ASKED_NEXT
    ),
    "parameters.keep_refusals": FieldWords(
        _("A model that will not answer is a candidate too"),
        _("Otherwise such a text is drawn again."),
        ASKED_NEXT,
    ),
    "parameters.release_target": FieldWords(
        _("Judgments that ask for a release"), _("With the schedule “at a number of judgments”.")
    ),
    **GROWTH_FIELDS,
}
#: Parameters in the order of the form; those of releases stand with the releases.
PARAMETER_GROUPS: tuple[tuple[Words, tuple[str, ...]], ...] = (
    (
        _("How many judgments"),
        (
            "redundancy",
            "stop_confidence",
            "stop_best",
            "least_gain",
            "min_judgments",
            "max_judgments",
            "weigh_reliability",
        ),
    ),
    (
        _("What is shown and asked"),
        (
            "candidates_shown",
            "require_rationale",
            "replies_wanted",
            "improvements_wanted",
            "max_text_chars",
            "show_leaderboard",
        ),
    ),
    (_("Holds and limits"), ("lease_seconds", "offered_lease_seconds", "max_held", "daily_cap")),
    (_("Work whose answer is known"), ("gold_share", "training_judgments", "explain_gold")),
    (
        _("What comes first, and for whom"),
        (
            "policy",
            "rival_policy",
            "match_people",
            "random_share",
            "wait_days",
            "open_briefs",
            "ask_variety",
            "topics",
            "embedder",
        ),
    ),
    (_("Moderation by itself"), ("report_limit", "skip_limit")),
)
#: Parameters of generation, which stand with the terms on what generators write.
GENERATION_PARAMETERS = ("candidates_per_prompt", "redraws", "near_duplicate_similarity", "keep_refusals")

#: What a parameter that is one of several words may be.
CHOICE_WORDS: dict[str | None, Words] = {
    None: _("nothing"),
    PolicyName.COVERAGE: _("coverage: what the campaign lacks most"),
    PolicyName.UNCERTAINTY: _("certainty: what is known least surely"),
    PolicyName.ROUND_ROBIN: _("in turn: each language and topic as often"),
    PolicyName.OPEN_ASSISTANT: _("Open Assistant’s lottery and weights"),
    PolicyName.UNIFORM: _("at random"),
}

PRESETS: dict[Preset, FieldWords] = {
    Preset.RANK: FieldWords(_("Rank several replies"), _("People order up to four replies to one prompt, and say which would do.")),
    Preset.COMPARE: FieldWords(_("Compare two replies"), _("People choose the better of two replies. The quickest to answer.")),
    Preset.LABEL: FieldWords(_("Answer questions about messages"), _("People label single prompts or replies on the questions you set.")),
    Preset.TREES: FieldWords(_("Grow conversations"), _("People write prompts and both sides of conversations, review what others wrote, and rank the replies.")),
}  # fmt: skip

SCHEDULES: dict[ReleaseSchedule | None, Words] = {
    None: _("Only when asked for"),
    ReleaseSchedule.WEEKLY: _("Every week"),
    ReleaseSchedule.MONTHLY: _("Every month"),
    ReleaseSchedule.TARGET: _("At a number of judgments"),
}

ROLES: dict[CampaignRole, FieldWords] = {
    CampaignRole.ORGANIZER: FieldWords(_("organizer"), _("Runs the campaign: everything on these pages.")),
    CampaignRole.MODERATOR: FieldWords(_("moderator"), _("Takes away what does not belong, and sees how generation goes.")),
    CampaignRole.ANNOTATOR: FieldWords(_("annotator"), _("Sees the campaign while it is a draft. Nobody needs this to judge.")),
}  # fmt: skip

ASKED_ABOUT: dict[str, Words] = {
    MessageRole.PROMPTER: _("Prompts"),
    MessageRole.ASSISTANT: _("Replies"),
}

WIDGETS: dict[str, Words] = {
    "yes_no": _("Yes or no"),
    "flag": _("A flag to raise"),
    "scale": _("A scale of points"),
}

#: (from, to): what the button says, and what it means.
TRANSITIONS: dict[tuple[str, str], tuple[Words, Words]] = {
    (CampaignState.DRAFT, CampaignState.OPEN): (_("Open"), _("Everybody sees the campaign, and work is offered.")),
    (CampaignState.OPEN, CampaignState.PAUSED): (
        _("Pause"), _("Nothing new is offered. Whoever holds work may finish and send it.")
    ),
    (CampaignState.PAUSED, CampaignState.OPEN): (_("Open again"), _("Work is offered again.")),
    (CampaignState.DRAFT, CampaignState.CLOSED): (_("Put away"), _("The draft is closed without having been open.")),
    (CampaignState.OPEN, CampaignState.CLOSED): (
        _("Close"), _("Nothing new is offered. Whoever holds work may send it until the hold ends.")
    ),
    (CampaignState.PAUSED, CampaignState.CLOSED): (
        _("Close"), _("Whoever still holds work may send it until the hold ends.")
    ),
    (CampaignState.CLOSED, CampaignState.OPEN): (_("Open again"), _("The campaign goes on where it stopped.")),
}  # fmt: skip


#: Names that only the audit tells.
MORE_TITLES: dict[str, Words] = {
    "role": _("Role"),
    "version": _("Version"),
    "text": _("Text"),
    "examples": _("Examples"),
    "dimensions": _("Questions"),
    "number": _("Number"),
    "trigger": _("Asked for"),
    "filters": _("Limited to"),
    "requests": _("Requests"),
    "generator": _("Generator"),
    "file": _("File"),
    "bytes": _("Bytes"),
    "sha256": "SHA-256",
    "format": _("Format"),
    "strict": _("All or nothing"),
    "language": _("Language"),
    "difficulty": _("Difficulty"),
    "words": _("What is asked for"),
    "wanted": _("How many prompts"),
    "is_open": _("Open"),
    "topic": _("Topic"),
    "name": _("Name"),
    "engine": _("How it is reached"),
    "endpoint": _("Address of the server"),
    "model": _("Model"),
    "revision": _("Revision"),
    "system_prompt": _("System prompt"),
    "sampling": _("Sampling"),
    "server_kind": _("Which program answers there"),
    "api_key_variable": _("Environment variable with the key"),
    "timeout_seconds": _("Wait for an answer, in seconds"),
    "max_concurrent": _("Requests at once"),
    "requests_per_minute": _("Requests a minute"),
    "prompt_format": _("How a conversation is written out"),
    "loading": _("How a worker loads it"),
    "base_model": _("Made from"),
    "relation": _("What it is to that one"),
    "quantization": _("Quantised as"),
    "terms_url": _("Where that is written"),
    "enabled": _("In use"),
}


STATE_HEADS: dict[str, Words] = {
    CampaignState.DRAFT: _("This campaign is a draft"),
    CampaignState.OPEN: _("This campaign is open"),
    CampaignState.PAUSED: _("This campaign is paused"),
    CampaignState.CLOSED: _("This campaign is closed"),
}


def field_title(name: str) -> str:
    """A field as people call it; its own name where we have no word."""
    return str(FIELDS[name].title if name in FIELDS else MORE_TITLES.get(name, name))


def role_name(role: str) -> str:
    """A role in words."""
    return str(ROLES[CampaignRole(role)].title) if role in set(CampaignRole) else role
