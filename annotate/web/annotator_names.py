"""How those who run a campaign are told of annotators: by the name that somebody gave, or by a number; never by an address."""

from __future__ import annotations

from django.utils.translation import gettext as _

from annotate.web.names import isolated


def name_annotator(annotator_id: int, display_name: str | None, *, is_guest: bool = False) -> str:
    """The name that an account gave itself; without one "Volunteer 17", "Guest 17"."""
    if display_name:
        return isolated(display_name)
    number = {"number": annotator_id}
    return _("Guest %(number)s") % number if is_guest else _("Volunteer %(number)s") % number
