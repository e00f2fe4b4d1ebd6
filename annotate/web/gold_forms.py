"""The forms by which organizers write a gold item, or give the answer to a conversation that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotate.models import Campaign, LabelDimension
from annotate.queries.briefs import list_topics
from annotate.queries.presentation import find_dimensions
from annotate.services.gold_answers import MAX_EXPLANATION_CHARS, MOST_CANDIDATES, list_gold_kinds
from annotate.services.gold_writing import MAX_TOPIC_CHARS
from annotate.web.fields import Field, Option
from annotate.web.names import kind_name, language_name
from annotate.web.rows import to_number
from annotate.web.work_words import list_places
from tasks.vocabulary import Kind, MessageRole, Widget

#: Candidates that the form shows at once; the others are folded.
SHOWN = 4


def list_kinds(campaign: Campaign) -> list[Kind]:
    """Kinds of work of the campaign whose answer can be known."""
    return list_gold_kinds(campaign)


def text_fields(campaign: Campaign, said: Mapping[str, str]) -> list[Field]:
    """What every written item has."""
    chosen = said.get("language") or campaign.languages[0]
    languages = tuple(Option(code, language_name(code), is_chosen=code == chosen) for code in campaign.languages)
    return [
        Field("language", _("Language"), "select", options=languages),
        Field("topic", _("Topic (empty: none)"), value=said.get("topic", ""), most=MAX_TOPIC_CHARS,
              suggestions=tuple(list_topics(campaign_id=campaign.pk))),
        Field("prompt", _("Prompt"), "area", said.get("prompt", ""), rows=3, is_needed=True),
    ]  # fmt: skip


def candidate_fields(said: Mapping[str, str]) -> list[Field]:
    """Texts and places of the candidates, two fields each."""
    fields = []
    for number in range(1, MOST_CANDIDATES + 1):
        name = f"candidate.{number}"
        title = _("Reply %(number)s") % {"number": number}
        place = "tiers" if number == 1 else name
        fields += [
            Field(name, title, "area", said.get(name, ""), rows=3, place=place),
            place_field(f"place.{number}", title, said, number),
        ]
    return fields


def place_field(name: str, title: str, said: Mapping[str, str], default: int) -> Field:
    chosen = said.get(name) or str(default)
    options = tuple(
        Option(str(number), words, is_chosen=str(number) == chosen)
        for number, words in enumerate(list_places(MOST_CANDIDATES), start=1)
    )
    return Field(name, _("Place of “%(reply)s”") % {"reply": title}, "select", options=options)


def answer_fields(said: Mapping[str, str], *, ordered: bool) -> list[Field]:
    """The line, where there is an order, and why the answer is right."""
    bar = Field("acceptable_tiers", _("Places that are acceptable"), "number", said.get("acceptable_tiers", ""), low="0",
                high=str(MOST_CANDIDATES), step="1", hint=_("Empty: no line is known. 0: none of them."))  # fmt: skip
    why = Field("explanation", _("Why, as people read it with the answer"), "area", said.get("explanation", ""), rows=4,
                most=MAX_EXPLANATION_CHARS, hint=_("Say what to look for. Markdown works."))  # fmt: skip
    return [bar, why] if ordered else [why]


def label_fields(campaign: Campaign, said: Mapping[str, str], *, role: str | None) -> list[Field]:
    """The questions about messages of a role (None: of any), each with nothing known at first."""
    roles = [role] if role else [MessageRole.PROMPTER, MessageRole.ASSISTANT]
    found = {d.name: d for one in roles for d in find_dimensions(schema_id=campaign.label_schema_id, role=one)}
    fields = []
    for number, dimension in enumerate(found.values()):
        name = f"label.{dimension.name}"
        chosen = said.get(name, "")
        options = (Option("", _("not known")), *_list_answers(dimension))
        options = tuple(Option(o.value, o.title, is_chosen=o.value == chosen) for o in options)
        place = "labels" if number == 0 else name
        fields.append(Field(name, dimension.title or dimension.name, "select", options=options, place=place))
    return fields


def read_written(post: Mapping[str, str], *, kind: str) -> dict[str, Any]:
    """What the form of a written item says, in the names that the service takes."""
    values = {name: post.get(name, "") for name in ("language", "topic", "prompt", "explanation")} | {"kind": kind}
    if kind == Kind.LABEL:
        return {**values, "reply": post.get("reply", ""), "labels": read_labels(post)}
    texts = {number: post.get(f"candidate.{number}", "").strip() for number in range(1, MOST_CANDIDATES + 1)}
    placed = [(post.get(f"place.{number}", ""), text) for number, text in texts.items() if text]
    return {**values, "tiers": read_tiers(placed), "acceptable_tiers": read_bar(post)}


def read_chosen(post: Mapping[str, str], *, kind: str, message: int, replies: Sequence[int]) -> dict[str, Any]:
    """What the form of a chosen item says."""
    values: dict[str, Any] = {"message": message, "kind": kind, "explanation": post.get("explanation", "")}
    if kind == Kind.LABEL:
        return {**values, "labels": read_labels(post)}
    placed = [(post.get(f"place.{reply}", ""), reply) for reply in replies]
    return {**values, "tiers": read_tiers(placed), "acceptable_tiers": read_bar(post)}


def read_tiers(placed: Sequence[tuple[str, Any]]) -> list[list[Any]]:
    """What has the same place stands side by side; places that nothing has are passed over."""
    places = sorted({place for place, _item in placed}, key=lambda place: (len(place), place))
    return [[item for at, item in placed if at == place] for place in places]


def read_bar(post: Mapping[str, str]) -> Any:
    text = post.get("acceptable_tiers", "").strip()
    return to_number(text, int) if text else None


def read_labels(post: Mapping[str, str]) -> dict[str, Any]:
    given = {name.removeprefix("label."): value for name, value in post.items() if name.startswith("label.") and value}
    return {name: {"yes": True, "no": False}.get(value, to_number(value, float)) for name, value in given.items()}


def kind_options(kinds: Sequence[Kind], here: str) -> list[dict[str, Any]]:
    """The kinds as links: which of them the form is for."""
    return [{"kind": kind, "title": kind_name(kind), "is_here": kind == here} for kind in kinds]


def _list_answers(dimension: LabelDimension) -> list[Option]:
    if dimension.widget in (Widget.YES_NO, Widget.FLAG):
        return [Option("yes", _("Yes")), Option("no", _("No"))]
    return [
        Option(f"{anchor['value']:g}", anchor.get("title") or f"{anchor['value']:g}") for anchor in dimension.anchors
    ]
