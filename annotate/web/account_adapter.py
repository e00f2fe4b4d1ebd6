"""What django-allauth asks us: how an account is made, what happens at sign-in and sign-out, how mail goes out."""

from __future__ import annotations

import logging
import time
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from annotate.exceptions import ChorusError
from annotate.limits import address_of, take_failure
from annotate.models import User
from annotate.queries.people import find_account_of
from annotate.services.holds import release_holds
from annotate.services.people import create_user, update_profile
from annotate.sessions import LOOKED_UP
from annotate.web.addresses import leads_here
from annotate.web.arrivals import keep_language, take_in_guest

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Named by ACCOUNT_ADAPTER."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": gettext_lazy("The address and the password do not go together. Check both."),
        "email_taken": gettext_lazy("This address cannot be used here. Take another one."),
        "incorrect_code": gettext_lazy("This is not the code. Look at the newest mail."),
        "incorrect_password": gettext_lazy("This is not your password."),
        "enter_current_password": gettext_lazy("This is not your password."),
        "too_many_login_attempts": gettext_lazy("Too many tries. Wait a few minutes, and then try again."),
        "rate_limited": gettext_lazy("That was too often. Wait a few minutes, and then try again."),
        "duplicate_email": gettext_lazy("This is your address already."),
        "same_as_current": gettext_lazy("This is your address already."),
    }

    def add_message(
        self, request: HttpRequest, level: int, *given: Any, message: str | None = None, **more: Any
    ) -> None:
        """Messages for people; that a code has ended is said by `account_codes`, which knows what to do then."""
        if message != self.error_messages["too_many_login_attempts"]:
            super().add_message(request, level, *given, message=message, **more)

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> User:  # noqa: FBT001, FBT002
        """An account as every other one is made, with consent to the terms that the form showed."""
        made = create_user(
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password1"],
            now=timezone.now(),
            with_terms=True,
        )
        return update_profile(user=made, interface_language=get_language() or "en")

    def post_login(self, request: HttpRequest, user: Any, **given: Any) -> HttpResponse:
        """Sign-in and sign-up alike: a guest of this browser becomes part of the account, once."""
        response: HttpResponse = super().post_login(request, user, **given)
        take_in_guest(request, response, user=user)
        if not given.get("signup"):
            keep_language(response, user.interface_language)
        return response

    def logout(self, request: HttpRequest) -> None:
        """What somebody holds goes back to the pool with them; drafts stay."""
        if isinstance(request.user, User) or getattr(request.user, "pk", None):
            annotator_id = find_account_of(user=request.user).annotator_id  # type: ignore[arg-type]  # a lazy User
            if annotator_id is not None:
                release_holds(annotator_id=annotator_id, now=timezone.now())
        super().logout(request)
        request.__dict__.pop(LOOKED_UP, None)

    def get_login_stages(self) -> list[str]:
        """An address is confirmed before the first sign-in where the site asks for it."""
        stages: list[str] = super().get_login_stages()
        return [stage for stage in stages if settings.VERIFY_ADDRESSES or not stage.endswith("EmailVerificationStage")]

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        take_failure(request)

    def is_reauthentication_required(self, *, app: str, **given: Any) -> bool:
        """Keys are changed by whoever has shown lately who they are, by signing in or by showing it again."""
        known = get_authentication_records(self.request, self.request.user)
        return not any(time.time() - record["at"] < app_settings.REAUTHENTICATION_TIMEOUT for record in known)

    def reauthenticate(self, user: Any, password: str) -> bool:
        """Also for accounts that were made by a command and have confirmed no address."""
        found = self.authenticate(self.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def is_safe_url(self, url: str) -> bool:
        """An address of this site under the name that was asked; one that cannot be read is none."""
        return leads_here(self.request, url)

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Raises a `ChorusError` (`mail_away`) when the mail server does not take it."""
        values = {name: _at_home(value) if name.endswith("_url") else value for name, value in context.items()}
        try:
            super().send_mail(template_prefix, email, {**values, "site_url": settings.PUBLIC_URL})
        except (OSError, SMTPException) as error:
            logger.exception("mail could not be handed in")
            if _can_wait(template_prefix):
                return
            refusal = ChorusError(
                _("The mail could not be sent just now; nothing was changed. Try again in a few minutes."),
                code="mail_away",
                retry_after=60,
            )
            refusal.status = 503
            raise refusal from error

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/me/"


def is_confirmed(user: User) -> bool:
    """Whether this person has shown that the address of their account is theirs."""
    return EmailAddress.objects.filter(user_id=user.pk, email=user.email, verified=True).exists()


def _at_home(address: str) -> str:
    """The same page under the site's own address, whatever name the request was sent to."""
    return f"{settings.PUBLIC_URL}{urlsplit(address).path}"


def _can_wait(template_prefix: str) -> bool:
    """Whether this mail only tells of what was done, so that it stands without it."""
    return template_prefix.endswith(("_changed", "password_set", "password_reset", "email_deleted", "email_confirm"))
