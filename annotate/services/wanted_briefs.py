"""Briefs that the scheduler opens where prompts are missing, and closes when they are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.utils import translation
from django.utils.translation import check_for_language
from django.utils.translation import gettext as _

from annotate.models import Brief, Campaign
from annotate.queries.briefs import describe_brief
from annotate.queries.wishes import find_examples
from annotate.services.briefs import LONGEST, MOST_OPEN, record_brief
from annotate.services.tree_marks import mark_supply
from tasks.records.wishes import Wish
from tasks.vocabulary import BriefOrigin, PromptLength

FILLED = "The prompts that were missing are there."
NOT_WANTED = "Nothing of it is wanted any more."


def carry_out_wishes(*, campaign_id: int, close: Mapping[int, bool], opened: Sequence[tuple[Wish, int]]) -> int:
    """Close these briefs of the scheduler (brief → whether it was filled), and open others (wish, how many prompts).

    What is asked for by an open brief already is left out, and so is what an organizer has changed meanwhile. Returns how
    many briefs changed.
    """
    changed = 0
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)
        for brief in Brief.objects.filter(campaign=campaign, origin=BriefOrigin.SCHEDULER, is_open=True, pk__in=close):
            before = describe_brief(brief)
            brief.is_open = False
            brief.save(update_fields=["is_open"])
            record_brief(brief, None, before=before, reason=FILLED if close[brief.pk] else NOT_WANTED)
            changed += 1
        room = MOST_OPEN - Brief.objects.filter(campaign=campaign, is_open=True).count()
        for wish, wanted in opened[: max(0, room)]:
            changed += _open(campaign, wish, wanted)
        if changed:
            mark_supply(campaign_ids=[campaign.pk])
    return changed


def word_wish(wish: Wish) -> str:
    """What writers read beside the topic and the difficulty, in the language that they write in where the site speaks it."""
    with translation.override(wish.language if check_for_language(wish.language) else "en"):
        said = {
            PromptLength.SHORT: _("Keep it short: up to 80 characters."),
            PromptLength.MIDDLE: _("Not too short and not too long: 80 to 400 characters."),
            PromptLength.LONG: _("Make it long: over 400 characters."),
        }
        if wish.length:
            return said[PromptLength(wish.length)]
        if wish.topic_name or wish.difficulty:
            return ""
        return _("Whatever you would like to ask. There are few prompts in this language.")


def _open(campaign: Campaign, wish: Wish, wanted: int) -> bool:
    asked = {
        "language": wish.language,
        "topic": wish.topic_name[: LONGEST["topic"]],
        "difficulty": wish.difficulty,
        "words": word_wish(wish),
    }
    if Brief.objects.filter(campaign=campaign, is_open=True, **asked).exists():
        return False
    if Brief.objects.filter(campaign=campaign, vetoed_at__isnull=False, why__key=wish.key).exists():
        return False
    brief = Brief.objects.create(
        campaign=campaign,
        origin=BriefOrigin.SCHEDULER,
        cell_id=wish.cell,
        wanted=wanted,
        examples=find_examples(campaign_id=campaign.pk, wish=wish),
        why=wish.as_why(),
        **asked,
    )
    record_brief(brief, None, before=None, reason="")
    return True
