"""A mailed code that has ended: said, and led to where another one is sent, with where to go on to kept."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from annotate.web.addresses import leads_here

#: Where another code is sent, by the page on which one is typed.
SENDERS = {
    "account_confirm_login_code": "account_request_login_code",
    "account_confirm_password_reset_code": "account_reset_password",
    "account_confirm_reauthentication_code": "account_request_reauthentication_code",
    "account_email_verification_sent": "account_email",
}


def lead_to_another_code(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The answer to a code that can still be good, as it is; otherwise the way to another code."""
    name = request.resolver_match.url_name if request.resolver_match else None
    if name not in SENDERS or not isinstance(response, HttpResponseRedirect):
        return response
    is_in = request.user.is_authenticated
    sender = "account_login" if name == "account_email_verification_sent" and not is_in else SENDERS[name]
    has_ended = urlsplit(response.url).path in {reverse("account_login"), reverse(sender)}
    if not has_ended or (is_in and name == "account_confirm_login_code"):
        return response
    if request.method == "POST":
        messages.warning(
            request,
            _(
                "That code has ended: it works once, for a quarter of an hour, and not after three wrong tries. "
                "Have another one sent."
            ),
        )
    following = request.POST.get("next") or request.GET.get("next") or ""
    query = f"?{urlencode({'next': following})}" if leads_here(request, following) else ""
    return HttpResponseRedirect(reverse(sender) + query)
