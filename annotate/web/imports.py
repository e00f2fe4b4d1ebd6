"""Bring prompts into a campaign: a file or pasted lines; then look how it goes, and what could not be used."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from annotate.access import get_campaign_for
from annotate.exceptions import ChorusError, NotFound, TooLarge
from annotate.figures import whole
from annotate.models import Campaign, ImportRun
from annotate.queries.campaign_lists import load_needs
from annotate.queries.imports import describe_import, find_import, list_imports, list_problems
from annotate.services.imports import ImportOptions, create_import
from annotate.web.bodies import FRAME_BYTES, body_length, measures_itself, refuse_nul
from annotate.web.fields import Field, Option, Problems, check_fields, problems_of, tell_wrong
from annotate.web.import_words import FORMATS, STATES, import_title
from annotate.web.lists import take_part, take_slice
from annotate.web.names import language_name
from annotate.web.pages import Needs, PageRequest, page, render_page
from tasks.vocabulary import CampaignRole, CampaignState, ImportFormat, ImportState

PROBLEMS_SHOWN = 50
#: htmx stops asking.
STOP_POLLING = 286
ENDED = frozenset({ImportState.DONE.value, ImportState.FAILED.value})


@csrf_exempt
@measures_itself
@page("GET", "POST", needs=Needs.ACCOUNT)
def imports(request: PageRequest, slug: str) -> HttpResponse:
    """Who may, and how much is sent, is looked at before anything of the body is read: also before its CSRF token."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    refuse_large_body(body_length(request))
    return take_imports(request, campaign)


@csrf_protect
def take_imports(request: PageRequest, campaign: Campaign) -> HttpResponse:
    """The form and the list; a press stores what was sent and leads to its page."""
    if request.method != "POST":
        return show_imports(request, campaign, QueryDict(), {})
    try:
        refuse_nul(request)
        run = store(request, campaign)
    except ChorusError as error:
        return show_imports(
            request, campaign, request.POST, problems_of(error, {"file_too_large": "file"}), status=error.status
        )
    return redirect("import_run", campaign.slug, run.public_id)


@page("GET", needs=Needs.ACCOUNT)
def import_run(request: PageRequest, slug: str, public_id: uuid.UUID) -> HttpResponse:
    """How an import goes: live while it runs, with what could not be used and why."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    run = find_import(campaign_id=campaign.pk, public_id=public_id)
    if run is None:
        raise NotFound(_("This campaign has no such import. Look at the list of its imports."), code="import_not_found")
    problems = list_problems(run) if run.bad or run.state == ImportState.FAILED else []
    context = {
        "campaign": campaign,
        "run": present(run),
        "part": take_slice(request, problems, size=PROBLEMS_SHOWN),
        "kept": len(problems),
        "is_draft": campaign.state == CampaignState.DRAFT,
    }
    is_asked_again = request.htmx and request.htmx.target == "import"
    status = STOP_POLLING if is_asked_again and run.state in ENDED else 200
    return render_page(request, "imports/show.html", context, fragment="imports/_import.html", status=status)


def refuse_large_body(length: int) -> None:
    """Raise TooLarge when a body says that it is longer than any file that is taken."""
    if length > settings.MAX_IMPORT_BYTES + FRAME_BYTES:
        raise TooLarge(
            _(
                "The file is larger than %(limit)s MiB, the most this site takes. Nothing was read. Split it, or ask whoever runs the site to import it with `manage.py import_data`."
            )
            % {"limit": whole(settings.MAX_IMPORT_BYTES // 2**20)},
            code="file_too_large",
        )


def store(request: PageRequest, campaign: Campaign) -> ImportRun:
    """Keep the file that was chosen, or else the lines that were pasted, and queue its import."""
    post, chosen = request.POST, request.FILES.get("file")
    named = post.get("format", "")
    file_format = ImportFormat(named) if named in set(ImportFormat) else None
    chunks: Iterable[bytes] = chosen.chunks() if chosen else [post.get("lines", "").strip().encode("utf-8")]
    return create_import(
        campaign=campaign,
        actor=request.actor,
        chunks=chunks,
        file_name=chosen.name or "" if chosen else "",
        options=ImportOptions(
            file_format=file_format if chosen else ImportFormat.PROMPTS,
            strict=bool(post.get("strict")),
            language=post.get("language") or None,
            topic=post.get("topic") or None,
        ),
    )


def show_imports(
    request: PageRequest, campaign: Campaign, post: QueryDict, problems: Problems, *, status: int = 200
) -> HttpResponse:
    fields = check_fields(import_fields(campaign, post), problems)
    part = take_part(request, list_imports(campaign_id=campaign.pk))
    context = {
        "campaign": campaign,
        "fields": {field.name: field for field in fields},
        "part": part,
        "runs": [present(run) for run in part.rows],
        "needs": load_needs(campaign_ids=[campaign.pk])[campaign.pk],
        **tell_wrong(fields, problems),
    }
    return render_page(request, "imports/list.html", context, status=status)


def import_fields(campaign: Campaign, post: QueryDict) -> list[Field]:
    languages = [(code, language_name(code)) for code in campaign.languages]
    chosen = post.get("language", campaign.languages[0] if len(campaign.languages) == 1 else "")
    choices = [("", _("as each record says")), *languages] if len(languages) > 1 else languages
    formats = [("", _("Told from the file")), *FORMATS.items()]
    return [
        Field("file", _("Or choose a file"), "file", hint=_("Plain text, JSON Lines, CSV, Parquet, or files of Open Assistant; also with .gz."),
              bounds=_("At most %(limit)s MiB.") % {"limit": whole(settings.MAX_IMPORT_BYTES // 2**20)}),
        Field("lines", _("Paste prompts, one a line"), "area", post.get("lines", ""), rows=8, autofocus=False),
        Field("language", _("Language"), "select", hint=_("Of records that name none."), options=options(choices, chosen)),
        Field("topic", _("Topic"), value=post.get("topic", ""), hint=_("Of records that name none. May stay empty."), most=80),
        Field("format", _("Format"), "select", options=options(formats, post.get("format", ""))),
        Field("strict", _("All or nothing"), "check", "1", _("Import nothing when one record cannot be used."),
              is_checked=bool(post.get("strict"))),
    ]  # fmt: skip


def options(choices: Iterable[tuple[Any, Any]], chosen: str) -> tuple[Option, ...]:
    return tuple(Option(str(value), title, is_chosen=value == chosen) for value, title in choices)


def present(run: ImportRun) -> dict[str, Any]:
    """An import as its pages show it."""
    state = ImportState(run.state)
    return {
        **describe_import(run),
        "title": import_title(run),
        "state_title": STATES[state],
        "format_title": FORMATS.get(ImportFormat(run.format)) if run.format else "",
        "is_ended": run.state in ENDED,
        "is_failed": state == ImportState.FAILED,
        "is_done": state == ImportState.DONE,
        "percent": round(100 * run.bytes_read / run.bytes) if run.bytes and state != ImportState.QUEUED else 0,
    }


urlpatterns = [
    path("campaigns/<slug:slug>/imports/", imports, name="imports"),
    path("campaigns/<slug:slug>/imports/<uuid:public_id>/", import_run, name="import_run"),
]
