"""What is told of a piece of work whose answer was known: the answer, why, and how one's own compares. Nobody is scolded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from annotate.queries.gold import list_label_titles
from annotate.web.work_words import describe_answer

#: From these shares of agreement on an answer counts as the same, and as near.
SAME, NEAR = 0.999, 0.6


def show_told(told: Mapping[str, Any] | None, *, judgment_id: int, assignment_id: int) -> dict[str, Any] | None:
    """For the template: the known answer in `lines`, its `explanation`, how it `compares`, and where the work stands."""
    if told is None:
        return None
    titles = {} if told["labels"] is None else list_label_titles(judgment_id=judgment_id)
    letters = {handle: handle.upper() for tier in told["tiers"] or () for handle in tier}
    labels = {name: _as_answer(titles.get(name, ("", ""))[1], value) for name, value in (told["labels"] or {}).items()}
    body = {"tiers": told["tiers"], "acceptable_tiers": told["acceptable_tiers"], "labels": labels}
    return {
        "lines": describe_answer(body, titles={name: title for name, (title, _w) in titles.items()}, letters=letters)["lines"],
        "explanation": told["explanation"],
        "compares": _compare(told["score"]),
        "url": reverse("work", args=[assignment_id]),
    }  # fmt: skip


def _compare(score: float) -> str:
    if score >= SAME:
        return _("Yours says the same.")
    if score >= NEAR:
        return _("Yours is close to it.")
    return _("Yours is another one. That happens; look at it once more if you like.")


def _as_answer(widget: str, value: float) -> Any:
    return bool(value) if widget in ("yes_no", "flag") else value
