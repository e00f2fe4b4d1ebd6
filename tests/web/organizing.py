"""People, campaigns and clients for the tests of organizers' pages."""

from __future__ import annotations

import html
import re
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from annotate.access import Actor
from annotate.models import Campaign, Membership, User
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import create_campaign
from annotate.services.guests import create_guest
from annotate.services.people import create_user
from annotate.services.terms import CURRENT_TERMS
from annotate.web.visitors import GUEST_COOKIE

HTMX = {"HX-Request": "true"}
#: Everybody who may look at a page, from nobody to everything.
WHO = ("nobody", "guest", "annotator", "moderator", "organizer", "administrator")


def make_person(name: str, **given: Any) -> User:
    """An account that has accepted the terms; the one that is there already."""
    found = User.objects.filter(email=f"{name}@example.org").first()
    return found or create_user(email=f"{name}@example.org", now=timezone.now(), with_terms=True, **given)


def make_run(slug: str = "birds", *, owner: str = "ines", **given: Any) -> Campaign:
    """A campaign as its organizer would make it; a draft unless `state` says otherwise."""
    values = {"slug": slug, "title": slug.title(), "preset": "rank", "languages": ["en", "de"], **given}
    actor = Actor(user=make_person(owner), scopes=None)
    return create_campaign(spec=read_campaign(values), actor=actor, now=timezone.now())


def sign_in(name: str, **given: Any) -> Client:
    client = Client()
    client.force_login(make_person(name, **given))
    return client


def come_as(who: str, campaign: Campaign) -> Client:
    """A client of each kind of visitor, with the role of that name in the campaign."""
    if who == "nobody":
        return Client()
    if who == "guest":
        client = Client()
        campaigns = Campaign.objects.filter(allow_guests=True, state="open")
        assert campaigns.exists()
        _, token = create_guest(terms_version=CURRENT_TERMS, languages=(), now=timezone.now())
        client.cookies[GUEST_COOKIE] = token
        return client
    if who == "administrator":
        return sign_in("root", is_administrator=True)
    if who in {"moderator", "organizer"}:
        Membership.objects.get_or_create(campaign=campaign, user=make_person(who), role=who)
    return sign_in(who)


def read_form(answer: HttpResponse, *, number: int | None = None) -> dict[str, list[str]]:
    """The fields of a form of a page as a browser would send them without touching them.

    `number`: which form; by default the first with the class `form`.
    """
    page = answer.text
    forms = re.findall(r"<form\b.*?</form>", page, re.DOTALL)
    wanted = forms[number] if number is not None else next(form for form in forms if 'class="form' in form)
    sent: dict[str, list[str]] = {}
    for tag in re.findall(
        r"<(?:input|textarea|select)\b[^>]*>.*?(?:</textarea>|</select>)|<input\b[^>]*>", wanted, re.DOTALL
    ):
        add_field(sent, tag)
    return sent


def add_field(sent: dict[str, list[str]], tag: str) -> None:
    named = re.search(r'\bname="([^"]*)"', tag)
    if named is None or named[1] == "csrfmiddlewaretoken":
        return
    name, head = html.unescape(named[1]), tag.partition(">")[0]
    if tag.startswith("<textarea"):
        value = re.sub(r"\A<textarea[^>]*>\n?", "", tag, count=1, flags=re.DOTALL).removesuffix("</textarea>")
    elif tag.startswith("<select"):
        chosen = re.search(r'<option value="([^"]*)"[^>]*\bselected', tag) or re.search(r'<option value="([^"]*)"', tag)
        value = chosen[1] if chosen else ""
    elif 'type="file"' in head or (re.search(r'type="(checkbox|radio)"', head) and not re.search(r"\bchecked\b", head)):
        return
    else:
        found = re.search(r'\bvalue="([^"]*)"', head)
        value = found[1] if found else ""
    sent.setdefault(name, []).append(html.unescape(value))
