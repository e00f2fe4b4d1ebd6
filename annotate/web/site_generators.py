"""Generators of the site: administrators' records, which campaigns then name; and the workers and servers behind them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import require_account, require_administrator
from annotate.exceptions import ChorusError, NotAllowed
from annotate.models import Generator
from annotate.queries.campaigns import is_organizer, list_site_generators
from annotate.queries.generate_workers import list_workers
from annotate.queries.generation_figures import generator_figures
from annotate.queries.generators import list_base_models, list_servers, was_asked
from annotate.services.generators import (
    change_generator,
    check_found,
    create_generator,
    delete_generator,
    describe_generator,
)
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.fields import Problems, check_fields, problems_of, tell_wrong
from annotate.web.generator_figures import present_figures, present_identity, present_server, present_worker
from annotate.web.generator_form import FIXED, NEW, all_fields, at_fields, make_groups, reason_field
from annotate.web.generator_identity import describe_identity
from annotate.web.generator_posts import as_post, read_form
from annotate.web.lists import take_part
from annotate.web.pages import Needs, PageRequest, page, render_page

FIELD_OF_CODE = {"generator_name_taken": "name", "generator_in_use": ""}


@page("GET", needs=Needs.ACCOUNT)
def site_generators(request: PageRequest) -> HttpResponse:
    """For organizers of a campaign and for administrators; these also see where a generator is, and change it."""
    user = require_account(request.actor)
    if not user.is_administrator and not is_organizer(user_id=user.pk):
        raise NotAllowed(_("Only organizers of a campaign may look at the generators."), code="role_missing")
    part, now = take_part(request, list_site_generators()), timezone.now()
    figures = generator_figures(generator_ids=[row.pk for row in part.rows], now=now)
    rows = [
        {**present_identity(row), **present_figures(figures[row.pk]), "endpoint": row.endpoint} for row in part.rows
    ]
    context: dict[str, Any] = {"part": part, "generators": rows, "may_change": user.is_administrator}
    if user.is_administrator:
        context["workers"] = [present_worker(worker) for worker in list_workers(now=now)]
        context["servers"] = [present_server(server, now=now) for server in list_servers()]
    return render_page(request, "generators/site.html", context)


@page("GET", "POST", needs=Needs.ACCOUNT)
def generator_new(request: PageRequest) -> HttpResponse:
    """Make a generator."""
    require_administrator(request.actor)
    if request.method != "POST":
        post = QueryDict(mutable=True)
        post.update(NEW)
        return show_form(request, None, post, {})
    try:
        made = create_generator(values=read_form(request.POST, {}), actor=request.actor, reason=read_reason(request))
    except ChorusError as error:
        return show_form(request, None, request.POST, problems_of(error, FIELD_OF_CODE), status=error.status)
    told = _("%(name)s is there. Try it with one prompt before campaigns name it.")
    messages.success(request, told % {"name": made.name})
    return redirect("generator", made.pk)


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
    is_gone = request.POST.get("step") == "delete"
    return redirect("site_generators") if is_gone else redirect("generator", generator_id)


def take_step(request: PageRequest, generator: Generator) -> str:
    """Do what the button says; returns the sentence for it."""
    given: dict[str, Any] = {"generator_id": generator.pk, "actor": request.actor, "reason": read_reason(request)}
    if request.POST.get("step") == "delete":
        delete_generator(**given)
        return _("%(name)s is deleted.")
    change_generator(values=read_form(request.POST, describe_generator(generator)), **given)
    return _("%(name)s is changed.")


def read_reason(request: PageRequest) -> str:
    return request.POST.get("reason", "").strip()[:MAX_REASON_CHARS]


def show_form(
    request: PageRequest, generator: Generator | None, post: QueryDict, problems: Problems, *, status: int = 200
) -> HttpResponse:
    """The form; of a generator that was asked, what its texts come from is told, not asked."""
    is_fixed = generator is not None and was_asked(generator_id=generator.pk)
    engine = generator.engine if generator is not None and is_fixed else post.get("engine", "")
    problems = at_fields(problems)
    groups = make_groups(post, problems, engine=engine, bases=list_base_models(), fixed=FIXED if is_fixed else ())
    reason = check_fields([reason_field(post)], problems)
    context = {
        "generator": generator,
        "groups": groups,
        "reason": reason[0],
        "identity": describe_identity(generator) if generator is not None and is_fixed else [],
        **tell_wrong([*all_fields(groups), *reason], problems),
    }
    return render_page(request, "generators/form.html", context, status=status)


urlpatterns = [
    path("generators/", site_generators, name="site_generators"),
    path("generators/new/", generator_new, name="generator_new"),
    path("generators/<int:generator_id>/edit/", generator_edit, name="generator_edit"),
]
