"""What stands on somebody's own first page, in words. Reads through annotate.queries.home, and claims nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotate.access import Actor
from annotate.queries.home import (
    OpenCampaign,
    count_lately,
    explain_none,
    list_begun,
    list_given,
    list_needs,
    list_open_to,
    list_openings,
)
from annotate.queries.people import list_languages
from annotate.services.terms import CURRENT_TERMS
from annotate.web.names import kind_name, language_name
from annotate.web.work_forms import TEXTS
from annotate.web.work_nothing import show_no_campaign, show_nothing
from annotate.web.work_words import describe_reason
from tasks.vocabulary import (
    REPLYING_KINDS,
    STARTING_KINDS,
    WRITING_KINDS,
    AssignmentState,
    CampaignState,
    Kind,
    ReviewState,
    TreeReason,
    TreeState,
    WhyNone,
)

#: What reviewers made of a text, in a word and a sentence.
WRITTEN_FATES = {
    ReviewState.PENDING: (gettext_lazy("in review"), gettext_lazy("Others look at it before it counts.")),
    ReviewState.ACCEPTED: (gettext_lazy("accepted"), gettext_lazy("It is part of a conversation that goes on.")),
    ReviewState.REJECTED: (
        gettext_lazy("not accepted"),
        gettext_lazy("Others found it to be spam, or in another language. It takes no part in the conversation."),
    ),
}
#: Where the conversation of an accepted text stands, when it does not simply go on.
TREE_FATES = {
    TreeState.WAITING: (gettext_lazy("waiting"), gettext_lazy("It is accepted and waits for its turn to be answered.")),
    TreeState.DONE: (gettext_lazy("complete"), gettext_lazy("Its conversation is finished and ranked.")),
    TreeState.RETIRED: (gettext_lazy("not used"), gettext_lazy("Nobody came to answer, so its conversation ended.")),
    TreeState.HALTED: (gettext_lazy("halted"), gettext_lazy("A moderator or many people stopped its conversation.")),
    TreeState.LOW_GRADE: (gettext_lazy("halted"), gettext_lazy("The prompt of its conversation was not accepted.")),
}

#: Contributions on the first page; the list has all of them.
LAST_GIVEN = 5
MOMENT = timedelta(minutes=1)


def build_home(actor: Actor, *, annotator_id: int, now: datetime) -> dict[str, Any]:
    """The context of home/home.html."""
    campaigns = list_open_to(annotator_id=annotator_id, terms=CURRENT_TERMS, now=now)
    openings = list_openings(annotator_id=annotator_id, campaigns=campaigns)
    given = list_given(annotator_id=annotator_id, limit=LAST_GIVEN + 1)
    languages = show_languages(annotator_id=annotator_id, campaigns=campaigns)
    is_sure = bool(languages["works_in"]) or len(languages["languages"]) == 1
    return {
        "first": _show_first(openings, names_language=is_sure),
        "none": None if openings else _show_none(campaigns, now=now),
        "needs": [show_need(row) for row in list_needs(openings=openings)],
        "begun": [show_begun(row, now=now) for row in list_begun(annotator_id=annotator_id)],
        "given": [show_given(row, now=now) for row in given[:LAST_GIVEN]],
        "has_more": len(given) > LAST_GIVEN,
        "lately": count_lately(annotator_id=annotator_id, now=now),
        "must_accept": actor.accepted_terms != CURRENT_TERMS and not actor.is_suspended,
        **languages,
    }


def show_languages(*, annotator_id: int, campaigns: Sequence[OpenCampaign]) -> dict[str, Any]:
    """`languages` to choose from, those of the open campaigns and one's own; `works_in` how many are chosen."""
    mine = campaigns[0].row["skills"] if campaigns else list_languages(annotator_id=annotator_id)
    known = sorted(
        {code for campaign in campaigns for code in campaign.row["languages"]} | set(mine), key=language_name
    )
    return {
        "languages": [{"code": code, "name": language_name(code), "is_chosen": code in mine} for code in known],
        "works_in": len(mine),
    }


def suggest_languages(languages: Sequence[dict[str, Any]], *, asked: Sequence[str]) -> dict[str, Any]:
    """Nothing is chosen yet: ticked are the languages that the browser asks for, to be kept with one press."""
    ticked = [{**language, "is_chosen": language["code"] in asked} for language in languages]
    return {"languages": ticked, "is_suggested": any(language["is_chosen"] for language in ticked)}


def show_need(row: Mapping[str, Any]) -> dict[str, Any]:
    """A line of what a campaign lacks: where, how far it is, and the request for it."""
    name = language_name(row["language"])
    return {
        "where": _(", ").join(part for part in (name, row["topic"]) if part),
        "language_name": name,
        "topic": row["topic"],
        "campaign": row["title"],
        "done": row["done"],
        "target": row["target"],
        "verb": _verb(row["kind"]),
        "kind": row["kind"],
        "language": row["language"],
        "url": reverse("next_work", args=[row["slug"]]),
    }


def show_begun(row: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """A line of what somebody holds or left with a draft."""
    is_live = row["state"] == AssignmentState.LIVE
    has_time = is_live and row["lease_expires_at"] - now >= MOMENT
    return {
        "url": reverse("work", args=[row["id"]]),
        "text": " ".join(row["text"].split()) or _("Its text was taken out"),
        "what": _("%(kind)s in %(language)s") % {"kind": kind_name(row["kind"]), "language": language_name(row["language"])},
        "so_far": _describe_draft(row["kind"], row["draft"]),
        "until": row["lease_expires_at"] if has_time else None,
        "has_draft": row["draft"] is not None,
        "is_closed": row["campaign_state"] == CampaignState.CLOSED and not is_live,
    }  # fmt: skip


def show_given(row: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """A line of what somebody gave, and what became of it. Counts of judgments, and nothing of what they said."""
    return {
        "id": row["id"],
        "url": reverse("work", args=[row["assignment"]]),
        "reads": reverse("message", args=[row["message"]]) if row["message"] is not None else "",
        "text": " ".join(row["text"].split()) or _("Its text was taken out"),
        "what": _("%(kind)s in %(language)s") % {"kind": kind_name(row["kind"]), "language": language_name(row["language"])},
        "campaign": row["title"],
        "at": row["created_at"],
        "is_fresh": now - row["created_at"] < MOMENT,
        **_describe_fate(row),
    }  # fmt: skip


def _show_first(openings: Sequence[Mapping[str, Any]], *, names_language: bool) -> dict[str, Any] | None:
    """The one thing to do: where this person is needed most, and why. What they have not said is not said for them."""
    if not openings:
        return None
    best = openings[0]
    others = {opening["kind"]: opening for opening in reversed(openings) if opening["kind"] != best["kind"]}
    what = kind_name(best["kind"])
    why = _("You have chosen no language yet, so it can be in any of them.")
    if names_language:
        what = _("%(kind)s in %(language)s") % {"kind": what, "language": language_name(best["language"])}
        why = describe_reason(code=best["reason_code"], args=best["reason_args"])
    return {
        "what": what,
        "why": why[0].upper() + why[1:],
        "campaign": best["title"],
        "url": reverse("next_work", args=[best["slug"]]),
        "instead": [
            {"verb": kind_name(kind), "kind": kind, "url": reverse("next_work", args=[opening["slug"]])}
            for kind, opening in others.items()
        ][:2],
    }


def _show_none(campaigns: Sequence[OpenCampaign], *, now: datetime) -> dict[str, Any]:
    """Why there is nothing, and what is nearest. Where the front is seen, asking may still find what lies behind."""
    found = explain_none(campaigns=campaigns, now=now)
    if found is None:
        return show_no_campaign()
    slug, reason = found
    none = show_nothing(reason.as_answer(), slug=slug)
    if reason.code == WhyNone.SEEN_ALL:
        none["ask"] = reverse("next_work", args=[slug])
    return none


def _describe_draft(kind: str, draft: Any) -> str:
    if not isinstance(draft, Mapping):
        return ""
    if kind in WRITING_KINDS:
        words = sum(len(draft[name].split()) for name in TEXTS if isinstance(draft.get(name), str))
        return ngettext("%(n)d word so far", "%(n)d words so far", words) % {"n": words}
    if isinstance(draft.get("tiers"), list):
        placed = sum(len(tier) for tier in draft["tiers"] if isinstance(tier, list))
        return ngettext("%(n)d placed so far", "%(n)d placed so far", placed) % {"n": placed}
    return _("begun")


def _describe_fate(row: Mapping[str, Any]) -> dict[str, Any]:
    """`fate` in a word, `fate_kind` how it looks, `fate_says` in a sentence."""
    if row["withdrawn_at"] is not None:
        return {"fate": _("withdrawn"), "fate_kind": "", "fate_says": _("It enters no release.")}
    if row["is_told"]:
        says = _("Its answer was known. Open it to see it, and why.")
        return {"fate": _("explained"), "fate_kind": "on", "fate_says": says}
    if row["release"] is not None:
        in_release = _("in release %(number)s") % {"number": row["release"]}
        return {"fate": in_release, "fate_kind": "on", "fate_says": _("It is published, for everyone to use.")}
    return _describe_text(row) if row["review"] in WRITTEN_FATES else _describe_places(row)


def _describe_places(row: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a judgment: whether it filled a place, and how many of those are filled."""
    numbers = {"done": row["done"], "needed": row["needed"]}
    if not row["counted"]:
        return {"fate": _("extra"), "fate_kind": "", "fate_says": _("All places were taken; it is kept, and used.")}
    if not row["is_open"]:
        return {"fate": _("counted"), "fate_kind": "", "fate_says": _("No more people are asked about this.")}
    if row["done"] >= row["needed"]:
        said = ngettext(
            "The one judgment that it needs is in.", "All %(needed)s judgments that it needs are in.", row["needed"]
        )
        sentence = said % numbers
        return {"fate": _("complete"), "fate_kind": "on", "fate_says": sentence}
    said = ngettext(
        "It has %(done)s of the %(needed)s judgment it needs.",
        "It has %(done)s of the %(needed)s judgments it needs.",
        row["needed"],
    )
    sentence = said % numbers
    return {"fate": _("counted"), "fate_kind": "", "fate_says": sentence}


def _describe_text(row: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a text that others look at: what reviewers say first, then where its conversation stands."""
    review = ReviewState(row["review"])
    if review is ReviewState.ACCEPTED and row["tree"] in TREE_FATES:
        fate, says = TREE_FATES[TreeState(row["tree"])]
        if row["tree"] == TreeState.RETIRED and row["tree_reason"] == TreeReason.NOT_NEEDED:
            says = gettext_lazy(
                "More prompts waited than are needed here, so it will not be used. Thank you for it all the same."
            )
    else:
        fate, says = WRITTEN_FATES[review]
    kind = "on" if review is ReviewState.ACCEPTED and row["tree"] == TreeState.DONE else ""
    return {"fate": str(fate), "fate_kind": kind, "fate_says": str(says)}


def _verb(kind: str) -> str:
    """A kind of work in one word, for a button."""
    return {
        Kind.RANK: _("Rank"),
        Kind.COMPARE: _("Compare"),
        Kind.LABEL: _("Label"),
        Kind.IMPROVE_REPLY: _("Improve"),
        **dict.fromkeys((*REPLYING_KINDS, *STARTING_KINDS), _("Write")),
    }.get(Kind(kind), _("Begin"))
