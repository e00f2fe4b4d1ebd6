"""Briefs: what prompt writers are asked for. Made, changed and closed by organizers; the campaign asks by open ones.

A brief by which prompts were written keeps its words: they say what those prompts answered. How many are wanted,
and whether it is open, may change for as long as it is there. After each change the campaign's supply of prompts
is decided again, which opens and closes the work itself.
"""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput, NotFound
from annotate.figures import whole
from annotate.models import Brief, Campaign, MessageTree
from annotate.queries.briefs import describe_brief
from annotate.services.audit import record_event
from annotate.services.campaign_values import Reader, show
from annotate.services.tree_marks import mark_supply
from tasks.vocabulary import AuditAction, BriefOrigin

#: What a brief says; the rest is how many are wanted, and whether it is open.
WORDS = ("language", "topic", "difficulty", "words")
FIELDS = (*WORDS, "wanted", "is_open")
#: Together they are one key of an index, which takes no more.
LONGEST = {"topic": 80, "difficulty": 40, "words": 500}
MOST_WANTED = 100_000
#: More open briefs than this are a mistake of a program.
MOST_OPEN = 1_000


def read_brief(values: Mapping[str, Any], *, languages: list[str]) -> dict[str, Any]:
    """What is said of a brief, checked. Raises `InvalidInput` with every problem at its field."""
    reader = Reader()
    table = reader.table("", values, known=FIELDS) or {}
    read: dict[str, Any] = {}
    for name, value in table.items():
        if name == "language":
            read[name] = _read_language(reader, value, languages)
        elif name in LONGEST:
            read[name] = reader.text(name, value, longest=LONGEST[name], lines=name == "words", blank=True)
        elif name == "wanted":
            read[name] = None if value is None else reader.integer(name, value, low=1, high=MOST_WANTED)
        elif name == "is_open":
            read[name] = reader.boolean(name, value)
    _refuse(reader)
    return read


def create_brief(*, campaign: Campaign, values: Mapping[str, Any], actor: Actor | None, reason: str = "") -> Brief:
    """Ask for prompts by this brief from now on.

    Raises `InvalidInput`, and Conflict `brief_taken` (an open one asks for the same) or `too_many_briefs`.
    """
    _refuse_missing(values)
    read = read_brief(values, languages=campaign.languages)
    with transaction.atomic():
        _lock(campaign)
        if Brief.objects.filter(campaign=campaign, is_open=True).count() >= MOST_OPEN:
            raise Conflict(
                _("There are %(most)s open briefs. Close one before you add another.") % {"most": whole(MOST_OPEN)},
                code="too_many_briefs",
            )
        brief = Brief(campaign=campaign, created_by=None if actor is None else actor.user, **read)
        _save(brief, lambda: brief.save(force_insert=True))
        record_brief(brief, actor, before=None, reason=reason)
        mark_supply(campaign_ids=[campaign.pk])
    return brief


def change_brief(
    *, campaign: Campaign, brief_id: int, values: Mapping[str, Any], actor: Actor | None, reason: str = ""
) -> Brief:
    """Change what is said of a brief, close it or open it again; the same twice changes nothing.

    Closing one that the scheduler opened is a veto: it does not ask for that again until somebody opens the brief.

    Raises NotFound `brief_not_found`, `InvalidInput`, and Conflict `brief_in_use` or `brief_taken`.
    """
    read = read_brief(values, languages=campaign.languages)
    with transaction.atomic():
        _lock(campaign)
        brief = Brief.objects.filter(campaign=campaign, pk=brief_id).first()
        if brief is None:
            raise NotFound(
                _("This campaign has no such brief. Look at the list of its briefs."), code="brief_not_found"
            )
        before = describe_brief(brief)
        changed = {name: value for name, value in read.items() if before[name] != value}
        if not changed:
            return brief
        if any(name in WORDS for name in changed) and MessageTree.objects.filter(brief=brief).exists():
            raise Conflict(
                _("Prompts were written by this brief, and it says what they answer. Close it and add another."),
                code="brief_in_use",
            )
        for name, value in changed.items():
            setattr(brief, name, value)
        taken = _take_over(brief, changed)
        _save(brief, lambda: brief.save(update_fields=[*changed, *taken]))
        record_brief(brief, actor, before=before, reason=reason)
        mark_supply(campaign_ids=[campaign.pk])
    return brief


def _take_over(brief: Brief, changed: Mapping[str, Any]) -> list[str]:
    """What an organizer does to a brief of the scheduler: other words make it theirs, closing it is a veto."""
    if brief.origin != BriefOrigin.SCHEDULER:
        return []
    if any(name in WORDS for name in changed):
        brief.origin = BriefOrigin.ORGANIZER
        brief.vetoed_at = None
        return ["origin", "vetoed_at"]
    if "is_open" not in changed:
        return []
    brief.vetoed_at = None if brief.is_open else timezone.now()
    return ["vetoed_at"]


def _read_language(reader: Reader, value: Any, languages: list[str]) -> str | None:
    language = reader.language("language", value)
    if language is not None and language not in languages:
        sentence = _("The campaign has no language %(language)s; it has %(languages)s.")
        reader.refuse("language", sentence % {"language": show(language), "languages": ", ".join(languages)})
    return language


def _refuse_missing(values: Mapping[str, Any]) -> None:
    if values.get("language") is None:
        sentence = _("This is missing.")
        raise InvalidInput(f"language: {sentence}", details={"language": [sentence]})


def _refuse(reader: Reader) -> None:
    if reader.problems:
        place, sentence = next(iter(reader.problems.items()))
        details = {at: [told] for at, told in reader.problems.items()}
        raise InvalidInput(f"{place}: {sentence}", details=details)


def _lock(campaign: Campaign) -> None:
    """Whoever changes what a campaign asks for holds its row, so that two who do take turns."""
    Campaign.objects.select_for_update(no_key=True).only("pk").get(pk=campaign.pk)


def _save(brief: Brief, write: Any) -> None:
    try:
        with transaction.atomic():
            write()
    except IntegrityError as error:
        same = Brief.objects.filter(
            campaign_id=brief.campaign_id, is_open=True, **{name: getattr(brief, name) for name in WORDS}
        )
        if brief.is_open and same.exclude(pk=brief.pk).exists():
            raise Conflict(
                _("An open brief asks for the same already. Say there how many prompts you want."), code="brief_taken"
            ) from error
        raise


def record_brief(brief: Brief, actor: Actor | None, *, before: Mapping[str, Any] | None, reason: str) -> None:
    """Audit what is said of a brief now, where it differs from `before` (None: the brief is new). No actor: the scheduler."""
    after = describe_brief(brief)
    changed = [name for name in after if before is None or before[name] != after[name]]
    record_event(
        actor=actor,
        action=AuditAction.BRIEF_CHANGED,
        object_kind="brief",
        object_id=brief.pk,
        campaign=brief.campaign,
        before=None if before is None else {name: before[name] for name in changed},
        after={name: after[name] for name in changed},
        reason=reason,
    )
