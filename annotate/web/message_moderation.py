"""What moderators do with a message or a whole tree: each on a page of its own, with a reason that the audit keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.access import get_campaign_for, reader_of, require_administrator
from annotate.exceptions import ChorusError, Conflict, InvalidInput
from annotate.models import Campaign
from annotate.queries.message_access import get_readable
from annotate.queries.message_reports import list_open_reports
from annotate.queries.message_trees import get_tree
from annotate.queries.reading import start_of
from annotate.queries.rows import Row
from annotate.queries.tree_shapes import TreeShown
from annotate.services.message_texts import edit_message
from annotate.services.moderation import reinstate_annotator, remove_message, restore_message, suspend_annotator
from annotate.services.moderation_reports import keep_message
from annotate.services.moderation_trees import halt_tree, restart_tree
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.field_words import Words
from annotate.web.fields import Field, Problems, check_fields, problems_of, tell_wrong
from annotate.web.lists import MAX_ID
from annotate.web.message_words import reason_name
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.tree_words import tree_state_name
from annotate.web.trees import address_of
from tasks.vocabulary import CampaignRole

HIDE, RESTORE, KEEP, EDIT, SUSPEND, REINSTATE = "hide", "restore", "keep", "edit", "suspend", "reinstate"
FIELDS_OF_CODES = {
    "reason_required": "reason", "text_unchanged": "text", "text_duplicate": "text", "text_empty": "text",
    "text_too_long": "text", "text_has_override": "text",
}  # fmt: skip
START_CHARS = 120
ACTS: dict[str, Callable[..., Any]] = {
    HIDE: remove_message,
    RESTORE: restore_message,
    KEEP: keep_message,
    EDIT: edit_message,
}


@dataclass(frozen=True, slots=True)
class Verb:
    """What is done, in words: the page's heading, its button, what it means, and what is said when it is done."""

    title: Words
    button: Words
    means: Words
    done: Words


VERBS: dict[str, Verb] = {
    HIDE: Verb(
        gettext_lazy("Hide this message?"), gettext_lazy("Hide it"),
        gettext_lazy("It and what answers it are out of all work and lists. Its text and its judgments are kept, and you can restore it."),
        gettext_lazy("The message is hidden."),
    ),
    RESTORE: Verb(
        gettext_lazy("Restore this message?"), gettext_lazy("Restore it"),
        gettext_lazy("It comes back into the work. Reports of it are dismissed, so that they do not hide it again."),
        gettext_lazy("The message is back."),
    ),
    KEEP: Verb(
        gettext_lazy("Keep this message?"), gettext_lazy("Keep it"),
        gettext_lazy("Its reports are dismissed, and it stays as it is. Whoever sees more in it may report it again."),
        gettext_lazy("The message stays; its reports are dismissed."),
    ),
    EDIT: Verb(
        gettext_lazy("Edit this message"), gettext_lazy("Change the text"),
        gettext_lazy("As where it tells personal data. The earlier text is kept as a revision; labels and rankings stay with the text they were given for."),
        gettext_lazy("The text is changed."),
    ),
    SUSPEND: Verb(
        gettext_lazy("Suspend the author?"), gettext_lazy("Suspend the author"),
        gettext_lazy("They can do no work anywhere on this site, and what they hold goes back. What they gave stays, and you can let them work again."),
        gettext_lazy("The author is suspended."),
    ),
    REINSTATE: Verb(
        gettext_lazy("Let the author work again?"), gettext_lazy("Let them work again"),
        gettext_lazy("They are offered work as before."), gettext_lazy("The author may work again."),
    ),
}  # fmt: skip
HALT = Verb(
    gettext_lazy("Halt this tree?"), gettext_lazy("Halt it"),
    gettext_lazy("Nothing of it is offered any more. What people hold may still be sent, and is kept. You can restart it."),
    gettext_lazy("The tree is halted."),
)  # fmt: skip
RESTART = Verb(
    gettext_lazy("Restart this tree?"), gettext_lazy("Restart it"),
    gettext_lazy("It goes on from where it was. A prompt that reviewers rejected is accepted by this."),
    gettext_lazy("The tree goes on."),
)  # fmt: skip


@page("GET", "POST", needs=Needs.ACCOUNT)
def moderate_message(request: PageRequest, message_id: int) -> HttpResponse:
    """Hide, restore or edit a message, or suspend its author: as `do` says, else what its state suggests."""
    row = get_readable(message_id=min(message_id, MAX_ID), reader=reader_of(request.actor))
    campaign = get_campaign_for(request.actor, row["slug"], CampaignRole.MODERATOR)
    asked = request.POST.get("do") or request.GET.get("do", "")
    verb = asked if asked in VERBS else RESTORE if row["is_removed"] else HIDE
    if verb in {SUSPEND, REINSTATE}:
        require_administrator(request.actor)
    if request.method != "POST":
        return show_message_form(request, row, campaign, verb, {})
    try:
        do_with_message(request, row, campaign, verb)
    except ChorusError as error:
        problems = problems_of(error, FIELDS_OF_CODES)
        return show_message_form(request, row, campaign, verb, problems, status=error.status)
    messages.success(request, f"{VERBS[verb].done} {_('It is in the audit.')}")
    return redirect(address_of(request, row["id"]))


def do_with_message(request: PageRequest, row: Row, campaign: Campaign, verb: str) -> None:
    given: dict[str, Any] = {"campaign": campaign, "actor": request.actor, "reason": read_reason(request)}
    now = timezone.now()
    if verb in {SUSPEND, REINSTATE}:
        if row["author_id"] is None:
            raise Conflict(_("Nobody who has an account here wrote this text."), code="no_author")
        if verb == SUSPEND:
            suspend_annotator(annotator_id=row["author_id"], now=now, **given)
        else:
            reinstate_annotator(annotator_id=row["author_id"], **given)
        return
    if verb == EDIT:
        given["text"] = request.POST.get("text", "").replace("\r\n", "\n")
    ACTS[verb](message_id=row["id"], now=now, **given)


def show_message_form(
    request: PageRequest, row: Row, campaign: Campaign, verb: str, problems: Problems, *, status: int = 200
) -> HttpResponse:
    written = request.POST.get("text", str(row["text"]))
    text = Field("text", _("The text"), "area", written, rows=10, is_needed=True)
    fields = check_fields([*([text] if verb == EDIT else []), reason_field(request)], problems)
    reports = [{**report, "title": reason_name(report["reason"])} for report in list_open_reports(message_id=row["id"])]
    context = {
        "campaign": campaign, "message": row, "verb": VERBS[verb], "do": verb, "fields": fields, "reports": reports,
        "back": address_of(request, row["id"]), **tell_wrong(fields, problems),
    }  # fmt: skip
    return render_page(request, "messages/moderate.html", context, status=status)


@page("GET", "POST", needs=Needs.ACCOUNT)
def moderate_tree(request: PageRequest, tree_id: int) -> HttpResponse:
    """Halt a tree, or let one go on that has ended."""
    tree = get_tree(tree_id=min(tree_id, MAX_ID), reader=reader_of(request.actor), limit=1)
    campaign = get_campaign_for(request.actor, tree.campaign_slug, CampaignRole.MODERATOR)
    if request.method != "POST":
        return show_tree_form(request, tree, campaign, {}, restarts=tree.is_ended)
    restarts = request.POST.get("do") == "restart"
    act: Callable[..., Any] = restart_tree if restarts else halt_tree
    try:
        act(campaign=campaign, tree_id=tree.id, actor=request.actor, reason=read_reason(request), now=timezone.now())
    except ChorusError as error:
        problems = problems_of(error, FIELDS_OF_CODES)
        return show_tree_form(request, tree, campaign, problems, restarts=restarts, status=error.status)
    messages.success(request, f"{(RESTART if restarts else HALT).done} {_('It is in the audit.')}")
    return redirect("tree", tree.id)


def show_tree_form(
    request: PageRequest, tree: TreeShown, campaign: Campaign, problems: Problems, *, restarts: bool, status: int = 200
) -> HttpResponse:
    fields = check_fields([reason_field(request)], problems)
    context = {
        "campaign": campaign, "tree": tree, "verb": RESTART if restarts else HALT, "fields": fields,
        "do": "restart" if restarts else "halt", "state_name": tree_state_name(tree.state),
        "start": start_of(tree.messages[0].text or "", length=START_CHARS), **tell_wrong(fields, problems),
    }  # fmt: skip
    return render_page(request, "trees/moderate.html", context, status=status)


def reason_field(request: PageRequest) -> Field:
    value = request.POST.get("reason", "")
    return Field("reason", _("Why (kept in the audit)"), value=value, is_needed=True, most=MAX_REASON_CHARS)


def read_reason(request: PageRequest) -> str:
    """Moderators say why. Raises `InvalidInput` (`reason_required`)."""
    reason = request.POST.get("reason", "").strip()[:MAX_REASON_CHARS]
    if not reason:
        raise InvalidInput(_("Say in a few words why. It is kept in the audit."), code="reason_required")
    return reason


urlpatterns = [
    path("messages/<int:message_id>/moderate/", moderate_message, name="moderate_message"),
    path("trees/<int:tree_id>/moderate/", moderate_tree, name="moderate_tree"),
]
