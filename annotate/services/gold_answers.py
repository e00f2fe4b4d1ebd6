"""The answer of a gold item, as an organizer gives it: read and checked before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.exceptions import Conflict, InvalidInput
from annotate.figures import whole
from annotate.models import Campaign
from annotate.queries.presentation import find_dimensions
from annotate.services.label_answers import read_labels
from tasks.records.parameters import read_settings
from tasks.vocabulary import ORDERING_KINDS, Answer, Kind

#: Kinds of work whose answer can be known beforehand.
GOLD_KINDS = (*ORDERING_KINDS, Kind.LABEL)
FEWEST_CANDIDATES, MOST_CANDIDATES = 2, 8
MAX_EXPLANATION_CHARS = 4_000


def list_gold_kinds(campaign: Campaign) -> list[Kind]:
    """Kinds of work of the campaign whose answer can be known. Where trees grow, a label decides what becomes of a text."""
    known = ORDERING_KINDS if read_settings(campaign.parameters).grow_trees else GOLD_KINDS
    return [kind for kind in known if kind in campaign.kinds]


def read_kind(campaign: Campaign, value: Any) -> Kind:
    """A kind that the campaign asks for and whose answer can be known. Raises InvalidInput, and Conflict `labels_decide`."""
    kinds = list_gold_kinds(campaign)
    if value == Kind.LABEL and value in campaign.kinds and value not in kinds:
        raise Conflict(
            _(
                "Trees grow in this campaign: labels decide there what becomes of a message, and everybody can read "
                "what was decided. Labels that decide nothing could be told from them. Choose an order instead."
            ),
            code="labels_decide",
        )
    if value not in kinds:
        raise _refuse(
            "kind",
            _("A gold item is one of the kinds of work of this campaign that put in order or label: %(kinds)s.")
            % {"kinds": ", ".join(kinds) or _("it has none")},
        )
    return Kind(value)


def read_explanation(value: Any) -> str:
    """Why the answer is right, in the organizer's words; may be empty."""
    if not isinstance(value, str):
        raise _refuse("explanation", _("The explanation must be text."))
    text = value.strip()
    if len(text) > MAX_EXPLANATION_CHARS:
        sentence = ngettext(
            "The explanation may have %(most)s character.",
            "The explanation may have %(most)s characters.",
            MAX_EXPLANATION_CHARS,
        )
        raise _refuse("explanation", sentence % {"most": whole(MAX_EXPLANATION_CHARS)})
    return text


def read_tiers(value: Any, *, known: Sequence[Any]) -> list[list[Any]]:
    """All of `known`, each once, best first; ties side by side. Raises InvalidInput."""
    is_nested = isinstance(value, list) and all(isinstance(tier, list) and tier for tier in value)
    placed = [item for tier in value for item in tier] if is_nested else []
    is_hashable = all(isinstance(item, str | int) and not isinstance(item, bool) for item in placed)
    if not is_nested or not is_hashable or len(placed) != len(known) or set(placed) != set(known):
        raise _refuse("tiers", _("Place every candidate once, best first; those that are as good side by side."))
    if not FEWEST_CANDIDATES <= len(placed) <= MOST_CANDIDATES:
        raise _refuse(
            "tiers",
            _("A gold item has %(fewest)s to %(most)s candidates.")
            % {"fewest": FEWEST_CANDIDATES, "most": MOST_CANDIDATES},
        )
    return [list(tier) for tier in value]


def read_bar(value: Any, *, tiers: Sequence[Sequence[Any]]) -> int | None:
    """How many leading tiers are acceptable; None: no line. An answer says an order or a line."""
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= len(tiers)
    if value is not None and not is_number:
        raise _refuse("acceptable_tiers", _("It must be a whole number from 0 to %(tiers)s, or null.") % {"tiers": len(tiers)})  # fmt: skip
    if value is None and len(tiers) == 1:
        raise _refuse("tiers", _("All are tied and no line is drawn, so any answer would be right. Say more."))
    return None if value is None else int(value)


def read_known_labels(value: Any, *, campaign: Campaign, role: str) -> dict[str, float]:
    """The known value of at least one question about a message of this role, by its name."""
    dimensions = find_dimensions(schema_id=campaign.label_schema_id, role=role)
    labels: Mapping[str, Any] = value if isinstance(value, dict) else {}
    named = [dimension for dimension in dimensions if labels.get(dimension.name) is not None]
    unknown = sorted(set(labels) - {dimension.name for dimension in dimensions})
    if unknown or not named:
        raise _refuse(
            "labels",
            _("Give the right answer to one question or more; the questions are %(names)s.")
            % {"names": ", ".join(dimension.name for dimension in dimensions) or _("none for such a message")},
        )
    read = read_labels({"labels": labels}, dimensions=named, asked=dimensions)
    answers = dict(zip((dimension.name for dimension in named), read, strict=True))
    if any(answer.answer is not Answer.GIVEN for answer in answers.values()):
        raise _refuse("labels", _("A known answer is a value: leave out what does not apply."))
    return {name: float(answer.value or 0) for name, answer in answers.items()}


def _refuse(field: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, details={field: [sentence]})
