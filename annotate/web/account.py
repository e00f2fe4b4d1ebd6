"""Sign-in, sign-up and what belongs to an account's keys, under /account/: django-allauth's views in our frame.

Each goes through `page`, so that it knows who asks, counts against the limits and shows refusals as every page does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from allauth.account import views
from django.forms import BaseForm
from django.http import HttpResponse
from django.urls import URLPattern, path

from annotate.web.account_codes import lead_to_another_code
from annotate.web.pages import PageRequest, page, render_page

#: After which somebody who was stopped by one of allauth's limits may try again.
SECONDS_TO_WAIT = 60


@page("GET")
def look_in_mail(request: PageRequest) -> HttpResponse:
    """Where a sign-up ends whose address has an account: the rest is told by mail."""
    return render_page(request, "account/look_in_mail.html")


def frame(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view of allauth as a page of ours; a form that comes back with errors says so with its status."""

    @page("GET", "POST")
    @wraps(view)
    def framed(request: PageRequest, **given: Any) -> HttpResponse:
        response = view(request, **given)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if request.method == "POST" and response.status_code == HTTPStatus.OK and form is not None and form.errors:
            response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
            lead_to_the_mistake(form)
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            response.headers.setdefault("Retry-After", str(SECONDS_TO_WAIT))
        return lead_to_another_code(request, response)

    return framed


def lead_to_the_mistake(form: BaseForm) -> None:
    """Where there is one field, it has the focus and tells what is wrong with it; no line above does."""
    first, *others = form.visible_fields()
    form.is_of_one = not others and not form.non_field_errors()  # type: ignore[attr-defined]  # for account/_form.html
    if form.is_of_one:  # type: ignore[attr-defined]
        first.field.widget.attrs["autofocus"] = True


def _path(address: str, view: Any, name: str) -> URLPattern:
    return path(f"account/{address}", frame(view), name=name)


urlpatterns = [
    _path("login/", views.login, "account_login"),
    _path("login/code/", views.request_login_code, "account_request_login_code"),
    _path("login/code/confirm/", views.confirm_login_code, "account_confirm_login_code"),
    _path("logout/", views.logout, "account_logout"),
    _path("signup/", views.signup, "account_signup"),
    path("account/signup/mail/", look_in_mail, name="account_look_in_mail"),
    _path("inactive/", views.account_inactive, "account_inactive"),
    _path("confirm-email/", views.email_verification_sent, "account_email_verification_sent"),
    _path("email/", views.email, "account_email"),
    _path("password/change/", views.password_change, "account_change_password"),
    _path("password/set/", views.password_set, "account_set_password"),
    _path("password/reset/", views.password_reset, "account_reset_password"),
    _path("password/reset/confirm/", views.confirm_password_reset_code, "account_confirm_password_reset_code"),
    _path("password/reset/complete/", views.complete_password_reset, "account_complete_password_reset"),
    _path("password/reset/done/", views.password_reset_from_key_done, "account_password_reset_completed"),
    _path("reauthenticate/", views.reauthenticate, "account_reauthenticate"),
    _path("reauthenticate/code/", views.request_reauthentication_code, "account_request_reauthentication_code"),
    _path("reauthenticate/code/confirm/", views.confirm_reauthentication_code, "account_confirm_reauthentication_code"),
]
