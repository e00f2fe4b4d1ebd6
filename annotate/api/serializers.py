"""What every serializer of the API shares: strict input, the envelope of errors, pages of lists."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.request import Request

from annotate.exceptions import InvalidInput

Row = TypeVar("Row", bound=Model)

MAX_PAGE = 200
_TEXTUAL = (
    serializers.CharField,
    serializers.ChoiceField,
    serializers.UUIDField,
    serializers.DateTimeField,
    serializers.DateField,
)
_WHOLE = (serializers.IntegerField,)
_NUMERIC = (serializers.FloatField, serializers.DecimalField)


class StrictSerializer(serializers.Serializer[Any]):
    """Input. Unknown names are refused, and JSON must have the type of its field: "3" is not 3.

    In a query string or a form, where everything is text, unknown names and empty values are.
    """

    def to_internal_value(self, data: Any) -> Any:
        problems: dict[str, list[str]] = {}
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            for name in data:
                if name not in known:
                    shown = str(name)[:40]
                    problems[shown] = [f"This name is not known here; known are {', '.join(sorted(known)) or 'none'}."]
            problems |= find_empty(data) if isinstance(data, QueryDict) else self._find_wrong_types(data)
        if problems:
            raise serializers.ValidationError(problems)
        return super().to_internal_value(data)

    def _find_wrong_types(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        found = {}
        for name, field in self.fields.items():
            if name in data and data[name] is not None and (wanted := wrong_type(field, data[name])):
                found[name] = [f"This must be {wanted}."]
        return found


def find_empty(data: QueryDict) -> dict[str, list[str]]:
    """Parameters without a value, which Django REST framework would take for left out."""
    return {name: ["This is empty: give it a value, or leave it out."] for name in data if data[name] == ""}


def wrong_type(field: Any, value: Any) -> str | None:
    """The JSON type that `field` wants, in words, when `value` has another; None when it fits."""
    wanted: str | None = None
    if isinstance(field, serializers.BooleanField):
        wanted = None if isinstance(value, bool) else "true or false"
    elif isinstance(field, _TEXTUAL) and not isinstance(field, serializers.MultipleChoiceField):
        wanted = None if isinstance(value, str) else "a text"
    elif isinstance(field, _WHOLE):
        wanted = None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"
    elif isinstance(field, _NUMERIC):
        wanted = None if isinstance(value, int | float) and not isinstance(value, bool) else "a number"
    elif isinstance(field, serializers.ListField):
        wanted = _wrong_item(field, value)
    elif isinstance(field, serializers.DictField):
        wanted = None if isinstance(value, dict) else "an object"
    return wanted


def _wrong_item(field: serializers.ListField, value: Any) -> str | None:
    if not isinstance(value, list):
        return "a list"
    for item in value:
        if item is None and not field.child.allow_null:
            return "a list without null"
        if item is not None and (wanted := wrong_type(field.child, item)):
            return f"a list in which each item is {wanted}"
    return None


def read_body(
    request: Request, serializer: type[serializers.Serializer[Any]], *, partial: bool = False
) -> dict[str, Any]:
    """What the body says, checked. Raises `serializers.ValidationError` (422 with a sentence for each field)."""
    checked = serializer(data=request.data, partial=partial)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def read_query(request: Request, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """What the query string says, checked; a parameter said twice keeps its last value."""
    checked = serializer(data=request.query_params)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="For machines: never changes once published.")
    message = serializers.CharField(help_text="For people: what happened and what to do.")
    details = serializers.DictField(
        help_text="What goes with it: by field for wrong input; an id for a failure of ours."
    )


class ErrorEnvelope(serializers.Serializer[Any]):
    """The one shape of every refusal and failure."""

    error = ErrorBody()


class NoInput(StrictSerializer):
    """For operations whose body or query string has nothing to say."""


class PageQuery(StrictSerializer):
    """Which part of a list: from `cursor` (the `next` of the part before), at most `limit` rows."""

    cursor = serializers.CharField(required=False, max_length=64, help_text="The `next` of the page before.")
    limit = serializers.IntegerField(required=False, default=50, min_value=1, max_value=MAX_PAGE)


def page_of(item: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """A serializer `{"results": [item], "next": cursor or null}` for one page of a list."""
    name = f"{item.__name__.removesuffix('Serializer')}Page"
    fields = {
        "results": item(many=True),
        "next": serializers.CharField(allow_null=True, help_text="Give it as `cursor`; null on the last page."),
    }
    return type(name, (serializers.Serializer,), fields)


def take_page(
    rows: QuerySet[Row], *, limit: int, cursor: str | None = None, newest_first: bool = True
) -> tuple[list[Row], str | None]:
    """One page by id, and the cursor of the next one: one query, whatever lies before it."""
    if cursor is not None:
        last = read_cursor(cursor)
        rows = rows.filter(pk__lt=last) if newest_first else rows.filter(pk__gt=last)
    found = list(rows.order_by("-pk" if newest_first else "pk")[: limit + 1])
    more = len(found) > limit
    return found[:limit], write_cursor(found[limit - 1].pk) if more else None


def write_cursor(last: int) -> str:
    return base64.urlsafe_b64encode(str(last).encode("ascii")).decode("ascii").rstrip("=")


def read_cursor(cursor: str) -> int:
    """The id in a cursor that we wrote. Raises `InvalidInput`."""
    try:
        number = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        number = ""
    if not number.isdecimal() or len(number) > 19 or int(number) >= 2**63:
        raise InvalidInput(
            "The cursor is not one of ours: take it from `next` of the page before.",
            code="cursor_unknown",
            details={"cursor": ["This is not a cursor of ours."]},
        )
    return int(number)
