"""Every page of the site by the name of its address: who looks at it, or why it is no page to look at.

`tests/journeys/test_pages.py` fails for a name that is in neither table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.journeys.world import World

NOBODY, VOLUNTEER, ORGANIZER = "nobody", "volunteer", "organizer"


@dataclass(frozen=True)
class Look:
    """Who looks, with what after the address; or at a path that is not in the addresses."""

    who: str = ORGANIZER
    query: str = ""
    kind: str = ""


LOOKS: dict[str, list[Look]] = {
    "home": [Look(NOBODY), Look(VOLUNTEER)],
    "about": [Look(NOBODY)],
    "terms": [Look(NOBODY)],
    "campaigns": [Look(NOBODY), Look(ORGANIZER)],
    "campaign": [Look(NOBODY), Look(ORGANIZER)],
    "campaign_new": [Look()],
    "campaign_new_file": [Look()],
    "campaign_edit": [Look()],
    "edit_file": [Look()],
    "me": [Look(VOLUNTEER)],
    "away": [Look(NOBODY, query="?to=https://example.org/")],
    "account_login": [Look(NOBODY)],
    "account_signup": [Look(NOBODY)],
    "account_request_login_code": [Look(NOBODY)],
    "account_reset_password": [Look(NOBODY)],
    "account_look_in_mail": [Look(NOBODY)],
    "account_inactive": [Look(NOBODY)],
    "account_logout": [Look(VOLUNTEER)],
    "account_email": [Look(VOLUNTEER)],
    "account_change_password": [Look(VOLUNTEER)],
    "account_set_password": [Look(VOLUNTEER)],
    "account_reauthenticate": [Look(VOLUNTEER)],
    "account_request_reauthentication_code": [Look(VOLUNTEER)],
    "work": [Look(VOLUNTEER, kind=kind) for kind in ("rank", "compare", "label", "write_assistant_reply")],
    "api:docs": [Look(NOBODY)],
}

NO_PAGES: dict[str, str] = {
    "set_interface_language": "a button of the foot",
    "preview_text": "a piece of the page on which somebody writes",
    "healthz": "for machines",
    "readyz": "for machines",
}


def list_names() -> Iterator[str]:
    """The names of all addresses outside the API and Django's own administration."""
    yield from _walk(get_resolver())


def _walk(resolver: URLResolver) -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            if entry.namespace not in {"admin", "api"}:
                yield from _walk(entry)
        elif isinstance(entry, URLPattern) and entry.name:
            yield entry.name


def make_path(name: str, look: Look, world: World) -> str:
    """The address of a page in a world."""
    known = world.arguments()
    if look.kind:
        known["assignment"] = world.holds[look.kind]
    names = get_resolver().reverse_dict.getlist(name)[0][0][0][1] if ":" not in name else []
    return reverse(name, kwargs={parameter: known[parameter] for parameter in names}) + look.query
