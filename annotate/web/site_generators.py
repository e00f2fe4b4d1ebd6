"""Generators of the site: administrators' records, which campaigns then name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _

from annotate.access import require_account, require_administrator
from annotate.exceptions import ChorusError, InvalidInput, NotAllowed
from annotate.models import Generator
from annotate.queries.campaigns import is_organizer, list_site_generators
from annotate.services.generators import (
    change_generator,
    check_found,
    create_generator,
    delete_generator,
    describe_generator,
)
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.fields import Field, Option, Problems, check_fields, problems_of, tell_wrong
from annotate.web.generator_words import ENGINES
from annotate.web.lists import take_part
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.rows import to_number

TEXTS = ("name", "engine", "endpoint", "model", "revision", "system_prompt", "api_key_variable")
NUMBERS = ("timeout_seconds", "max_concurrent")
DEFAULTS = {"engine": "openai", "timeout_seconds": "120", "max_concurrent": "4", "enabled": "on"}
FIELD_OF_CODE = {"generator_name_taken": "name", "generator_in_use": ""}


@page("GET", needs=Needs.ACCOUNT)
def site_generators(request: PageRequest) -> HttpResponse:
    """For organizers of a campaign and for administrators; these also see where a generator is, and change it."""
    user = require_account(request.actor)
    if not user.is_administrator and not is_organizer(user_id=user.pk):
        raise NotAllowed(_("Only organizers of a campaign may look at the generators."), code="role_missing")
    part = take_part(request, list_site_generators())
    context = {"part": part, "engines": ENGINES, "may_change": user.is_administrator}
    return render_page(request, "generators/site.html", context)


@page("GET", "POST", needs=Needs.ACCOUNT)
def generator_new(request: PageRequest) -> HttpResponse:
    """Make a generator."""
    require_administrator(request.actor)
    if request.method != "POST":
        post = QueryDict(mutable=True)
        post.update(DEFAULTS)
        return show_form(request, None, post, {})
    try:
        made = create_generator(values=read_form(request.POST), actor=request.actor, reason=read_reason(request))
    except ChorusError as error:
        return show_form(request, None, request.POST, problems_of(error, FIELD_OF_CODE), status=error.status)
    messages.success(request, _("%(name)s is there. Campaigns can name it now.") % {"name": made.name})
    return redirect("site_generators")


@page("GET", "POST", needs=Needs.ACCOUNT)
def generator_edit(request: PageRequest, generator_id: int) -> HttpResponse:
    """Change a generator, switch it off, or delete one that nobody ever asked."""
    require_administrator(request.actor)
    generator = check_found(list_site_generators().filter(pk=generator_id).first())
    if request.method != "POST":
        return show_form(request, generator, as_post(describe_generator(generator)), {})
    try:
        told = take_step(request, generator)
    except ChorusError as error:
        return show_form(request, generator, request.POST, problems_of(error, FIELD_OF_CODE), status=error.status)
    messages.success(request, told % {"name": generator.name})
    return redirect("site_generators")


def take_step(request: PageRequest, generator: Generator) -> str:
    """Do what the button says; returns the sentence for it."""
    given: dict[str, Any] = {"generator_id": generator.pk, "actor": request.actor, "reason": read_reason(request)}
    if request.POST.get("step") == "delete":
        delete_generator(**given)
        return _("%(name)s is deleted.")
    change_generator(values=read_form(request.POST), **given)
    return _("%(name)s is changed.")


def read_reason(request: PageRequest) -> str:
    return request.POST.get("reason", "").strip()[:MAX_REASON_CHARS]


def as_post(values: Mapping[str, Any]) -> QueryDict:
    post = QueryDict(mutable=True)
    post.update({name: str(values[name]) for name in (*TEXTS, *NUMBERS)})
    post["sampling"] = json.dumps(values["sampling"], ensure_ascii=False, indent=1) if values["sampling"] else ""
    post["enabled"] = "on" if values["enabled"] else ""
    return post


def read_form(post: QueryDict) -> dict[str, Any]:
    """What the form says, in the names that the service takes."""
    return {
        **{name: post.get(name, "").strip().replace("\r\n", "\n") for name in TEXTS},
        **{name: to_number(post.get(name, ""), int) for name in NUMBERS},
        "sampling": read_sampling(post.get("sampling", "")),
        "enabled": bool(post.get("enabled")),
    }


def read_sampling(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        sentence = _('This is not JSON. Write it like {"temperature": 0.7, "max_tokens": 512}.')
        raise InvalidInput(sentence, details={"sampling": [sentence]}) from error


def show_form(
    request: PageRequest, generator: Generator | None, post: QueryDict, problems: Problems, *, status: int = 200
) -> HttpResponse:
    fields = check_fields(form_fields(post), problems)
    context = {"generator": generator, "fields": fields, **tell_wrong(fields, problems)}
    return render_page(request, "generators/form.html", context, status=status)


def form_fields(post: QueryDict) -> list[Field]:
    engines = tuple(Option(value, title, is_chosen=post.get("engine") == value) for value, title in ENGINES.items())
    return [
        Field("name", _("Name"), value=post.get("name", ""), hint=_("What organizers see. Annotators never do."), is_needed=True, most=120),
        Field("engine", _("How it is reached"), "select", options=engines),
        Field("endpoint", _("Address of the server"), value=post.get("endpoint", ""), hint=_("Such as https://host/v1. Empty for a model in a worker."), most=400),
        Field("model", _("Model"), value=post.get("model", ""), is_needed=True, most=200),
        Field("revision", _("Revision"), value=post.get("revision", ""), hint=_("May stay empty."), most=120),
        Field("api_key_variable", _("Environment variable with the key"), value=post.get("api_key_variable", ""),
              hint=_("Its name, such as LAB_API_KEY; never the key itself. It is read where candidates are generated."), most=80),
        Field("system_prompt", _("System prompt"), "area", post.get("system_prompt", ""), rows=4),
        Field("sampling", _("Sampling"), "area", post.get("sampling", ""), rows=4,
              hint=_("JSON, sent to the server as it is: temperature, top_p, max_tokens.")),
        Field("timeout_seconds", _("Wait for an answer, in seconds"), "number", post.get("timeout_seconds", ""), low="1", high="3600", step="1"),
        Field("max_concurrent", _("Requests at once"), "number", post.get("max_concurrent", ""), low="1", high="32", step="1"),
        Field("enabled", _("In use"), "check", "on", _("What is switched off is asked nothing; its texts stay."), is_checked=bool(post.get("enabled"))),
        Field("reason", _("Why (for the audit, optional)"), value=post.get("reason", ""), most=MAX_REASON_CHARS),
    ]  # fmt: skip


urlpatterns = [
    path("generators/", site_generators, name="site_generators"),
    path("generators/new/", generator_new, name="generator_new"),
    path("generators/<int:generator_id>/", generator_edit, name="generator_edit"),
]
