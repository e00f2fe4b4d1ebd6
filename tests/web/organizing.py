"""People, campaigns and clients for the tests of organizers' pages."""

from __future__ import annotations

from html.parser import HTMLParser
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


class Forms(HTMLParser):
    """The fields of every form of a page, as a browser would send them untouched."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, list[str]]]] = []
        self.text: str | None = None
        self.select: str | None = None

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in given}
        if tag == "form":
            self.forms.append((told.get("class", ""), {}))
        elif tag == "textarea" and "name" in told:
            self.text = told["name"]
            self.add(told["name"], "")
        elif tag == "select":
            self.select = told.get("name")
        elif tag == "option" and self.select is not None:
            self.take_option(told)
        elif tag == "input" and "name" in told and is_sent(told):
            self.add(told["name"], told.get("value", ""))

    def take_option(self, told: dict[str, str]) -> None:
        """The chosen option, or the first one."""
        fields = self.forms[-1][1]
        if "selected" in told or self.select not in fields:
            fields[str(self.select)] = [told.get("value", "")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.text = None
        elif tag == "select":
            self.select = None

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            values = self.forms[-1][1][self.text]
            values[-1] = (values[-1] + data).removeprefix("\n") if not values[-1] else values[-1] + data

    def add(self, name: str, value: str) -> None:
        if self.forms and name != "csrfmiddlewaretoken":
            self.forms[-1][1].setdefault(name, []).append(value)


def is_sent(told: dict[str, str]) -> bool:
    """Whether a browser sends an input that nobody touched."""
    return told.get("type") != "file" and (told.get("type") not in {"checkbox", "radio"} or "checked" in told)


def read_form(answer: HttpResponse) -> dict[str, list[str]]:
    """The fields of the first form with the class `form`, as a browser would send them without touching them."""
    forms = Forms()
    forms.feed(answer.text)
    return next(fields for css, fields in forms.forms if "form" in css.split())
