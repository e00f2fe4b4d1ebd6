"""The audit of a campaign: who did what, what it was before and after, and why."""

from __future__ import annotations

from datetime import UTC, datetime, time
from operator import itemgetter
from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for
from annotate.models import AuditEvent, Campaign
from annotate.queries.audit import describe_event, find_events
from annotate.queries.campaigns import list_members
from annotate.web.audit_words import ACTIONS, OBJECTS
from annotate.web.differences import show_difference
from annotate.web.lists import MAX_ID, read_whole, take_part
from annotate.web.pages import Needs, PageRequest, page, render_page
from tasks.vocabulary import AuditAction, CampaignRole

MOST_OBJECT_CHARS = 64


@page("GET", needs=Needs.ACCOUNT)
def audit(request: PageRequest, slug: str) -> HttpResponse:
    """Newest first, by the filters in the address; what these cannot mean is told and left out."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    filters, wrong = read_filters(request)
    part = take_part(request, find_events(campaign=campaign, **filters))
    context = {
        "campaign": campaign,
        "part": part,
        "events": [present(event) for event in part.rows],
        "actions": [(action.value, title) for action, title in ACTIONS.items()],
        "objects": list(OBJECTS.items()),
        "people": list_people(campaign),
        "asked": request.GET,
        "wrong_filters": wrong,
        "is_filtered": bool(filters),
        "export": export_query(filters),
    }
    return render_page(request, "audit/list.html", context, fragment="audit/_events.html")


def read_filters(request: PageRequest) -> tuple[dict[str, Any], list[str]]:
    """The filters, and what of the address cannot be one."""
    asked, filters, wrong = request.GET, dict[str, Any](), list[str]()
    if asked.get("action") in set(AuditAction):
        filters["action"] = asked["action"]
    if asked.get("actor"):
        filters["actor_id"] = read_whole(asked["actor"], high=MAX_ID) or 0
    for name in ("object_kind", "object_id"):
        if text := asked.get(name, "").strip()[:MOST_OBJECT_CHARS].replace("\0", ""):
            filters[name] = text
    for name, of_day in (("since", time.min), ("until", time.min)):
        if not (text := asked.get(name, "").strip()):
            continue
        if (moment := read_moment(text, of_day)) is None:
            wrong.append(_("“%(text)s” is no date. Write it like 2026-05-31.") % {"text": text[:40]})
        else:
            filters[name] = moment
    return filters, wrong


def read_moment(text: str, of_day: time) -> datetime | None:
    """A date, whose day begins in the time zone of the site, or a moment; None for what is neither."""
    try:
        moment = parse_datetime(text) if len(text) > len("2026-05-31") else None
        day = None if moment else parse_date(text)
    except ValueError:
        return None
    if day is not None:
        moment = datetime.combine(day, of_day)
    if moment is None or moment.year < 2:
        return None
    return moment if timezone.is_aware(moment) else moment.replace(tzinfo=UTC)


def export_query(filters: dict[str, Any]) -> dict[str, str]:
    """The same filters as the API names them."""
    names = {"actor_id": "actor"}
    return {
        names.get(name, name): value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in filters.items()
    }


def list_people(campaign: Campaign) -> list[tuple[str, str]]:
    """Those who may have done something: the members, by name or, where they gave none, by address."""
    members = list_members(campaign_id=campaign.pk)
    return sorted(((str(row.user_id), row.user.display_name or row.user.email) for row in members), key=itemgetter(1))


def present(event: AuditEvent) -> dict[str, Any]:
    """One event as people read it."""
    known = event.action in set(AuditAction)
    return {
        **describe_event(event),
        "at": event.created_at,
        "title": ACTIONS[AuditAction(event.action)] if known else event.action,
        "object_title": OBJECTS.get(event.object_kind, event.object_kind),
        "changes": show_difference(event.before, event.after),
    }


urlpatterns = [path("campaigns/<slug:slug>/audit/", audit, name="audit")]
