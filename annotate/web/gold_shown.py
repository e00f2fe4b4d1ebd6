"""Gold items in the words and figures of their page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotate.models import Campaign
from annotate.queries.gold_items import list_certain, list_gold_items, load_texts
from annotate.queries.reading import start_of
from annotate.services.gold import FEWEST_BALLOTS, LEAST_CONFIDENCE
from annotate.web.gold_forms import list_kinds
from annotate.web.lists import take_slice
from annotate.web.names import kind_name, language_name
from annotate.web.pages import PageRequest
from tasks.records.parameters import read_settings
from tasks.text.snippets import as_plain_line
from tasks.vocabulary import GoldOrigin

#: The API has more.
MOST_LISTED, MOST_SHOWN, MOST_CERTAIN = 500, 20, 10
START_CHARS = 90


def describe_list(request: PageRequest, campaign: Campaign) -> dict[str, Any]:
    """What the list shows: three queries, two where no item has an order."""
    part = take_slice(request, list_gold_items(campaign_id=campaign.pk, limit=MOST_LISTED), size=MOST_SHOWN)
    ids = [message for item in part.rows for tier in item["answer"].get("tiers", ()) for message in tier]
    texts = load_texts(message_ids=ids) if ids else {}
    settings = read_settings(campaign.parameters)
    certain = list_certain(
        campaign_id=campaign.pk, confidence=LEAST_CONFIDENCE, ballots=FEWEST_BALLOTS, limit=MOST_CERTAIN
    )
    return {
        "items": [show_item(item, texts=texts) for item in part.rows],
        "part": part,
        "certain": [show_certain(row) for row in certain],
        "asks": bool(settings.gold_share or settings.training_judgments),
        "explains": settings.explain_gold,
        "kinds": list_kinds(campaign),
        "grows": settings.grow_trees,
    }


def show_item(item: Mapping[str, Any], *, texts: Mapping[int, str]) -> dict[str, Any]:
    """One item: what it asks, how it was answered, and its answer by the beginnings of its texts."""
    answer = item["answer"]
    return {
        **item,
        "text": as_plain_line(item["text"]) or _("Its text was taken out"),
        "what": _("%(kind)s in %(language)s")
        % {"kind": kind_name(item["kind"]), "language": language_name(item["language"])},
        "came": _("written") if item["origin"] == GoldOrigin.WRITTEN else _("promoted"),
        "percent": None if item["score"] is None else round(100 * item["score"]),
        "good_percent": None if item["good_score"] is None else round(100 * item["good_score"]),
        "is_stuck": item["retired_at"] is None and not item["is_offered"],
        "tiers": [
            [start_of(texts.get(message, ""), length=START_CHARS) or _("a text that was taken out") for message in tier]
            for tier in answer.get("tiers", ())
        ],
        "bar": answer.get("acceptable_tiers"),
        "labels": [(name, f"{value:g}") for name, value in sorted(answer.get("labels", {}).items())],
    }


def show_certain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A parent that could be promoted."""
    return {
        **row,
        "text": as_plain_line(row["text"]),
        "language": language_name(row["language"]),
        "percent": round(100 * row["confidence"]),
    }
