"""The page of one generator, for administrators: how it does, and a trial with one prompt."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import require_administrator
from annotate.exceptions import ChorusError, NotFound
from annotate.models import Generator, GeneratorTrial
from annotate.queries.campaigns import list_site_generators
from annotate.queries.generation_figures import generator_figures
from annotate.queries.generators import find_server, list_trials
from annotate.services.generators import check_found
from annotate.services.trials import LONGEST_PROMPT, start_trial
from annotate.web.fields import Field, Problems, check_fields, problems_of, tell_wrong
from annotate.web.generator_figures import present_figures, present_identity, present_server
from annotate.web.generator_identity import describe_identity, describe_origin, describe_reach
from annotate.web.generator_tried import present_trial
from annotate.web.lists import MAX_ID, read_whole
from annotate.web.pages import Needs, PageRequest, page, render_page

#: htmx stops asking.
STOP_POLLING = 286
TRIALS_SHOWN = 10
FIELD_OF_CODE = {"generator_disabled": "prompt", "too_many_trials": "prompt"}


@page("GET", needs=Needs.ACCOUNT)
def generator(request: PageRequest, generator_id: int) -> HttpResponse:
    """How a generator does, and the trial that the address names, or the latest. htmx asks for a trial until it ended."""
    require_administrator(request.actor)
    if request.htmx and request.htmx.target == "trial":
        trial = find_trial(generator_id, request.GET.get("trial"))
        told = present_trial(trial)
        status = STOP_POLLING if told["is_ended"] else 200
        context = {"generator": {"id": generator_id}, "trial": told}
        return render_page(request, "generators/_trial.html", context, status=status)
    found = check_found(list_site_generators().filter(pk=generator_id).first())
    return show_generator(request, found, "", {})


@page("POST", needs=Needs.ACCOUNT)
def try_generator(request: PageRequest, generator_id: int) -> HttpResponse:
    """Ask a generator one prompt. Its answer is nobody's candidate."""
    require_administrator(request.actor)
    found = check_found(list_site_generators().filter(pk=generator_id).first())
    prompt = request.POST.get("prompt", "").replace("\r\n", "\n")
    try:
        trial = start_trial(generator_id=found.pk, prompt=prompt, actor=request.actor, now=timezone.now())
    except ChorusError as error:
        return show_generator(request, found, prompt, problems_of(error, FIELD_OF_CODE), status=error.status)
    messages.success(request, _("It is asked. Nothing of it is stored in a campaign."))
    return redirect(f"{reverse('generator', args=[generator_id])}?trial={trial.pk}#trial")


def find_trial(generator_id: int, number: str | None) -> GeneratorTrial:
    trial = list_trials(generator_id=generator_id).filter(pk=read_whole(number, high=MAX_ID) or 0).first()
    if trial is None:
        raise NotFound(_("This generator has no such trial. Look at the list of its trials."), code="trial_not_found")
    return trial


def show_generator(
    request: PageRequest, found: Generator, prompt: str, problems: Problems, *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    trials = list(list_trials(generator_id=found.pk).order_by("-pk")[:TRIALS_SHOWN])
    named = request.GET.get("trial")
    shown = find_trial(found.pk, named) if named else next(iter(trials), None)
    server = find_server(host=found.host)
    fields = check_fields([prompt_field(prompt or (shown.prompt if shown else ""))], problems)
    context: dict[str, Any] = {
        "generator": present_identity(found),
        "figures": present_figures(generator_figures(generator_ids=[found.pk], now=now)[found.pk]),
        "server": present_server(server, now=now) if server else None,
        "facts": [*describe_identity(found), *describe_reach(found)],
        "origin": describe_origin(found),
        "field": fields[0],
        "trial": present_trial(shown) if shown else None,
        "trials": [present_trial(trial) for trial in trials if shown is None or trial.pk != shown.pk],
        **tell_wrong(fields, problems),
    }
    return render_page(request, "generators/show.html", context, status=status)


def prompt_field(prompt: str) -> Field:
    return Field(
        "prompt", _("A prompt"), "area", prompt, _("Its answer is shown here and goes nowhere else."), rows=4,
        is_needed=True, most=LONGEST_PROMPT,
    )  # fmt: skip


urlpatterns = [
    path("generators/<int:generator_id>/", generator, name="generator"),
    path("generators/<int:generator_id>/try/", try_generator, name="try_generator"),
]
