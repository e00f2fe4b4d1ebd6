"""The records for administrators to look at: read-only, because services are the only writers.

What an administrator changes goes through the API, the pages or a command, where it is checked and audited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import CompositePrimaryKey, Field, Model, TextField
from django.http import HttpRequest

from annotate import models

MAX_COLUMNS = 8
#: What nobody needs to see, not even on a page of the site.
SECRET = frozenset({"password", "token_hash", "device_hash", "session_data", "pseudonym_salt", "pseudonym_seed"})
#: Sessions are no records of the product: whoever sees one can act as its person.
HIDDEN = frozenset({"Session"})

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin  # the subscript is for type checkers: Django itself has none


class ReadOnlyAdmin(_Admin):
    """Lists and shows; adds, changes and deletes nothing. Foreign keys are shown by id, so that a list joins nothing."""

    show_full_result_count = False
    list_per_page = 50
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


def register_records() -> None:
    """One read-only page for each record that has a key of one column."""
    for name in models.__all__:
        record = getattr(models, name)
        if name not in HIDDEN and not isinstance(record._meta.pk, CompositePrimaryKey):  # noqa: SLF001
            admin.site.register(record, _make_admin(record))


def _make_admin(record: type[Model]) -> type[ReadOnlyAdmin]:
    concrete: Sequence[Field[Any, Any]] = record._meta.concrete_fields  # noqa: SLF001
    fields = [field for field in concrete if field.name not in SECRET]
    columns = [field.attname for field in fields if not isinstance(field, TextField)]
    options = {
        "list_display": columns[:MAX_COLUMNS],
        "fields": [field.name for field in fields],
        "ordering": ["-pk"],
        "list_select_related": False,
    }
    return type(f"{record.__name__}Admin", (ReadOnlyAdmin,), options)


register_records()
