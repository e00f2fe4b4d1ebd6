"""What is sent from a work page: an answer or a skip. Answered with what comes next, or with what to do and all that was sent."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.http import HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import require_annotator
from annotate.exceptions import ChorusError, Conflict, Gone, InvalidInput, NotAllowed, TooLarge
from annotate.queries.work_pages import rebuild_stored
from annotate.services.holds import save_draft
from annotate.services.judgments import skip_assignment, submit_answer
from annotate.web.pages import PageRequest
from annotate.web.work_forms import fill_form, is_empty, read_form
from annotate.web.work_kept import drop_kept
from annotate.web.work_next import DICE, ask_for_next, show_next
from annotate.web.work_standing import (
    Held,
    describe_end,
    find_undo,
    get_held,
    make_stored_note,
    read_sent,
    show_ended,
    show_form,
)
from annotate.web.work_told import show_told
from annotate.web.work_words import find_problems
from tasks.vocabulary import Kind

MAX_VERSION = 2**31 - 1


def take_answer(request: PageRequest, assignment_id: int) -> HttpResponse:
    """Store an answer and show what comes next."""
    body: dict[str, Any] = {}
    try:
        kind, shown = _read_shape(request, assignment_id)
        body = read_form(request.POST, kind=kind, shown=shown)
        answer = submit_answer(
            annotator_id=require_annotator(request.actor),
            assignment_id=assignment_id,
            body=body,
            now=timezone.now(),
            rng=DICE,
        )
    except (InvalidInput, TooLarge) as error:
        return show_again(request, assignment_id, error)
    except (Conflict, Gone, NotAllowed) as refusal:
        return show_refused(request, assignment_id, refusal, body=body)
    drop_kept(request, assignment_id)
    if answer["judgment"] is None:
        said = _("Kept: you cannot tell. That is an answer too.")
        return show_next(request, answer["next"], said=said, following=assignment_id)
    judgment = answer["judgment"]
    told = show_told(answer.get("told"), judgment_id=judgment["id"], assignment_id=assignment_id)
    stored = make_stored_note(kind=kind, judgment_id=judgment["id"], counted=judgment["counted"], told=told)
    return show_next(request, answer["next"], stored=stored, following=assignment_id)


def take_skip(request: PageRequest, assignment_id: int) -> HttpResponse:
    """Give a piece of work up and show what comes next."""
    try:
        answer = skip_assignment(
            annotator_id=require_annotator(request.actor),
            assignment_id=assignment_id,
            skip_reason=request.POST["skip_reason"][:200],
            now=timezone.now(),
            rng=DICE,
        )
    except Conflict as refusal:
        return show_refused(request, assignment_id, refusal, body={})
    drop_kept(request, assignment_id)
    said = _("Skipped. You will not be asked about it again.")
    return show_next(request, answer["next"], said=said, following=assignment_id)


def _read_shape(request: PageRequest, assignment_id: int) -> tuple[str, list[str]]:
    """Kind and handles as the form says them; a form that does not is read as the work is."""
    kind, shown = request.POST.get("kind", ""), request.POST.get("shown")
    if kind in set(Kind) and shown is not None:
        return kind, shown.split()[:50]
    held = get_held(request, assignment_id)
    return held.assignment["kind"], held.shown


def _read_version(form: QueryDict) -> int:
    sent = form.get("draft_version", "")
    return min(int(sent[:12]), MAX_VERSION) if sent.isdecimal() and sent.isascii() else 0


def save_form(request: PageRequest, assignment_id: int) -> dict[str, Any]:
    kind, shown = _read_shape(request, assignment_id)
    return save_draft(
        annotator_id=require_annotator(request.actor),
        assignment_id=assignment_id,
        draft=read_form(request.POST, kind=kind, shown=shown, is_draft=True),
        draft_version=_read_version(request.POST),
        now=timezone.now(),
    )


def show_again(request: PageRequest, assignment_id: int, error: ChorusError) -> HttpResponse:
    """The same form with what was wrong; everything sent is in it and, where it says something, in the draft."""
    held = get_held(request, assignment_id)
    body = None
    with suppress(InvalidInput):
        body = read_sent(request.POST, held)
    if body and not is_empty(body):
        with suppress(Conflict, TooLarge):
            hold = save_form(request, assignment_id)
            held.assignment.update({name: hold[name] for name in ("draft_version", "lease_expires_at", "state")})
    problems = find_problems(error, kind=held.assignment["kind"])
    return show_form(request, held, body=body, problems=problems, status=error.status)


def show_refused(
    request: PageRequest, assignment_id: int, refusal: ChorusError, *, body: Mapping[str, Any]
) -> HttpResponse:
    """An answer that cannot be stored: what happened, and everything that was sent."""
    held = get_held(request, assignment_id)
    if refusal.code == "already_submitted":
        return _show_already(request, held, body=body)
    if refusal.code == "text_duplicate":
        field = "prompt" if held.assignment["kind"] == Kind.WRITE_PAIR else "text"
        return show_form(request, held, body=body, problems={field: refusal.message}, status=refusal.status)
    ended = describe_end(
        held, title=_("This was not stored"), sentence=refusal.message, body=body or held.assignment["draft"]
    )
    return show_ended(request, ended, status=refusal.status)


def _show_already(request: PageRequest, held: Held, *, body: Mapping[str, Any]) -> HttpResponse:
    """Something is stored already. The same answer again goes on as if it were new; another one is shown beside it."""
    judgment = held.standing.judgment
    stored = {} if judgment is None else rebuild_stored(judgment_id=judgment)
    if judgment is not None and body and _means_the_same(held, stored, body):
        note = make_stored_note(kind=held.assignment["kind"], judgment_id=judgment, counted=bool(held.standing.counted))
        return show_next(request, ask_for_next(request, held.frame.slug), slug=held.frame.slug, stored=note)
    ended = describe_end(
        held,
        title=_("You had already answered this"),
        sentence=_("What you gave first is stored and stands. To change it, undo it and answer anew."),
        body=stored,
        sent=held.describe(body) if body else None,
        undo_url=find_undo(request, judgment),
    )
    return show_ended(request, ended, status=409)


def _means_the_same(held: Held, stored: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Whether two bodies are one answer, however long somebody looked at it."""
    kind, shown = held.assignment["kind"], held.shown
    one, other = (
        fill_form({**body, "active_seconds": 0, "signals": None}, kind=kind, shown=shown) for body in (stored, sent)
    )
    return one == other
