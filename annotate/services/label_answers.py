"""Read the labels that an annotator sent, dimension by dimension. Pure but for its refusals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotate.exceptions import ChorusError, InvalidInput
from annotate.models import LabelDimension
from tasks.vocabulary import Answer, Widget


@dataclass(frozen=True, slots=True)
class LabelAnswer:
    dimension_id: int
    answer: Answer
    value: float | None


def read_labels(
    body: Mapping[str, Any], *, dimensions: Sequence[LabelDimension], asked: Sequence[LabelDimension]
) -> tuple[LabelAnswer, ...]:
    """An answer on every dimension, `SKIPPED` where none was sent or it was not `asked`.

    Raises InvalidInput with a code for each mistake.
    """
    labels = body.get("labels")
    if not isinstance(labels, dict):
        raise InvalidInput(
            _('Send labels as an object of dimension and value: {"quality": 0.75, "spam": false}.'),
            code="labels_required",
        )
    names = {dimension.name for dimension in asked}
    unknown = sorted(name for name in labels if name not in names)
    if unknown:
        raise InvalidInput(
            _("There is no dimension %(name)s here; the dimensions are %(names)s.")
            % {"name": quote(unknown[0]), "names": ", ".join(sorted(names))},
            code="unknown_label",
            details={"labels": unknown[:20]},
        )
    read = tuple(_read_label(dimension, labels.get(dimension.name)) for dimension in dimensions)
    missing = [d.name for d, r in zip(dimensions, read, strict=True) if d.mandatory and r.answer is Answer.SKIPPED]
    if missing:
        raise InvalidInput(
            _("This campaign needs an answer on %(names)s. Answer it and submit again.")
            % {"names": ", ".join(missing)},
            code="label_required",
            details={"labels": missing},
        )
    if all(answer.answer is Answer.SKIPPED for answer in read):
        raise InvalidInput(
            _("Nothing is answered. Answer at least one question, or skip this work."), code="nothing_answered"
        )
    return read


def _read_label(dimension: LabelDimension, value: Any) -> LabelAnswer:
    if value is None:
        return LabelAnswer(dimension.pk, Answer.SKIPPED, None)
    if value == "not_applicable":
        return LabelAnswer(dimension.pk, Answer.NOT_APPLICABLE, None)
    if dimension.widget in (Widget.YES_NO, Widget.FLAG):
        if not isinstance(value, bool):
            raise _wrong_label(dimension, _('true, false, null or "not_applicable"'))
        return LabelAnswer(dimension.pk, Answer.GIVEN, float(value))
    points = [float(anchor["value"]) for anchor in dimension.anchors]
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    if not number or not any(abs(value - point) < 1e-9 for point in points):
        raise _wrong_label(
            dimension,
            _('one of %(values)s, null or "not_applicable"') % {"values": ", ".join(f"{point:g}" for point in points)},
        )
    return LabelAnswer(dimension.pk, Answer.GIVEN, float(value))


def _wrong_label(dimension: LabelDimension, allowed: str) -> ChorusError:
    return InvalidInput(
        _("%(name)s must be %(allowed)s.") % {"name": dimension.name, "allowed": allowed},
        code="wrong_value",
        details={"field": dimension.name},
    )


def quote(value: Any) -> str:
    """What somebody sent, as it may stand in a sentence."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
