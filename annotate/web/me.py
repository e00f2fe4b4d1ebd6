"""About oneself: the account, languages, contributions, tokens, consent. Guests find here what is theirs."""

from __future__ import annotations

from allauth.account.views import logout
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import check_for_language
from django.utils.translation import gettext as _

from annotate.access import require_account, require_annotator
from annotate.queries.home import list_given, list_open_to
from annotate.queries.people import describe_consent, list_tokens
from annotate.services.people import set_languages, update_profile
from annotate.services.terms import CURRENT_TERMS, get_current_terms, withdraw_consent
from annotate.services.tokens import create_token, revoke_token
from annotate.web.account import frame
from annotate.web.account_adapter import is_confirmed
from annotate.web.addresses import leads_here
from annotate.web.arrivals import keep_language
from annotate.web.home_shown import show_given, show_languages
from annotate.web.lists import MAX_ID, PAGE_SIZE, change_query, read_whole, take_part
from annotate.web.me_forms import ProfileForm, TokenForm
from annotate.web.pages import Needs, PageRequest, page, render_page


@page("GET", needs=Needs.ANNOTATOR)
def me(request: PageRequest) -> HttpResponse:
    """Everything about oneself at one look."""
    return _show_me(request, None)


@page("POST", needs=Needs.ACCOUNT)
def my_profile(request: PageRequest) -> HttpResponse:
    """The name that others in one's campaigns see."""
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return _show_me(request, form)
    update_profile(user=require_account(request.actor), display_name=form.cleaned_data["display_name"])
    messages.success(request, _("Your name is kept."))
    return redirect("me")


@page("POST", needs=Needs.ANNOTATOR)
def my_languages(request: PageRequest) -> HttpResponse:
    """The languages that one works in; the language of the pages is another matter."""
    chosen = [code for code in request.POST.getlist("language") if code]
    kept = set_languages(annotator_id=require_annotator(request.actor), languages=chosen)
    said = _("You are offered work in these languages alone.") if kept else _("You are offered work in every language.")
    messages.success(request, said)
    return redirect(following_address(request))


@page("GET", needs=Needs.ANNOTATOR)
def my_contributions(request: PageRequest) -> HttpResponse:
    """Everything that one gave and that stands, newest first."""
    before = read_whole(request.GET.get("before"), high=MAX_ID)
    rows = list_given(annotator_id=require_annotator(request.actor), before=before, limit=PAGE_SIZE + 1)
    context = {
        "given": [show_given(row, now=timezone.now()) for row in rows[:PAGE_SIZE]],
        "older": change_query(request, before=rows[PAGE_SIZE - 1]["id"]) if len(rows) > PAGE_SIZE else None,
        "newest": change_query(request, before=None) if before else None,
    }
    return render_page(request, "me/contributions.html", context)


@page("GET", "POST", needs=Needs.ACCOUNT)
def my_tokens(request: PageRequest) -> HttpResponse:
    """One's tokens. The text of a new one stands on the answer to its making, and nowhere else."""
    user = require_account(request.actor)
    form = TokenForm(request.POST or None, is_administrator=user.is_administrator)
    text, status = "", 200
    if request.method == "POST" and form.is_valid():
        now, given = timezone.now(), form.cleaned_data
        wanted = {"name": given["name"], "scopes": given["scopes"], "expires_at": form.expires_at(now)}
        text = create_token(user=user, actor=request.actor, now=now, **wanted)[1]
        form = TokenForm(is_administrator=user.is_administrator)
    elif request.method == "POST":
        status = 422
    part = take_part(request, list_tokens(user=user))
    context = {"form": form, "text": text, "part": part, "now": timezone.now()}
    return render_page(request, "me/tokens.html", context, status=status)


@page("POST", needs=Needs.ACCOUNT)
def my_token_revoke(request: PageRequest, token: int) -> HttpResponse:
    revoke_token(
        user=require_account(request.actor), token_id=min(token, MAX_ID), actor=request.actor, now=timezone.now()
    )
    messages.success(request, _("The token is revoked. Whatever still sends it is refused from now on."))
    return redirect("my_tokens")


@page("GET", "POST", needs=Needs.ANNOTATOR)
def my_consent(request: PageRequest) -> HttpResponse:
    """What was accepted and when; and the way out, with what it means."""
    annotator_id = require_annotator(request.actor)
    if request.method == "POST":
        withdraw_consent(annotator_id=annotator_id, now=timezone.now())
        messages.success(
            request, _("Your consent is withdrawn. No work is offered to you until you accept the terms again.")
        )
        return redirect("me")
    context = {"consent": describe_consent(annotator_id=annotator_id), "terms": get_current_terms()}
    return render_page(request, "me/consent.html", context)


@page("POST")
def set_interface_language(request: PageRequest) -> HttpResponse:
    """The language of the pages, for this browser and for the account where there is one."""
    response = redirect(following_address(request))
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES) and check_for_language(language):
        keep_language(response, language)
        if request.actor.user is not None:
            update_profile(user=request.actor.user, interface_language=language)
    return response


def following_address(request: PageRequest) -> str:
    """Where a form wants to go on, if that is on this site; else the first page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return wanted if leads_here(request, wanted) else "/"


def _show_me(request: PageRequest, form: ProfileForm | None) -> HttpResponse:
    annotator_id, user = require_annotator(request.actor), request.actor.user
    campaigns = list_open_to(annotator_id=annotator_id, terms=CURRENT_TERMS, now=timezone.now())
    context = {
        "form": form or ProfileForm(initial={"display_name": user.display_name if user else ""}),
        "is_confirmed": user is not None and is_confirmed(user),
        "consent": describe_consent(annotator_id=annotator_id),
        "terms": get_current_terms(),
        **show_languages(annotator_id=annotator_id, campaigns=campaigns),
    }
    return render_page(request, "me/show.html", context, status=422 if form else 200)


urlpatterns = [
    path("me/", me, name="me"),
    path("me/profile/", my_profile, name="my_profile"),
    path("me/languages/", my_languages, name="my_languages"),
    path("me/contributions/", my_contributions, name="my_contributions"),
    path("me/tokens/", my_tokens, name="my_tokens"),
    path("me/tokens/<int:token>/revoke/", my_token_revoke, name="my_token_revoke"),
    path("me/consent/", my_consent, name="my_consent"),
    path("me/sign-out/", frame(logout), name="sign_out"),
    path("language/", set_interface_language, name="set_interface_language"),
]
