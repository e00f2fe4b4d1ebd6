"""Forms of sign-in and sign-up: django-allauth's own, with our words, our terms, and nothing typed twice."""

from __future__ import annotations

from typing import Any

from allauth.account import forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.manage_email import sync_user_email_address
from allauth.account.internal.userkit import filter_users_by_email
from django.conf import settings
from django.db import transaction
from django.forms import CharField, HiddenInput, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from annotate.models import User
from annotate.services.terms import CURRENT_TERMS, get_current_terms

PASSWORD_HELP = _("10 characters or more, not digits alone, and none that many people use.")
LABELS = {
    "login": _("E-mail address"),
    "email": _("E-mail address"),
    "password": _("Password"),
    "oldpassword": _("Password now"),
    "code": _("Code"),
    "recipient": _("Send it to"),
}


class Plain:
    """Labels instead of placeholders, one line of help for a new password, and no password typed twice.

    Password managers type it; whoever mistypes gets a code by mail.
    """

    fields: dict[str, Any]
    new_password = _("New password")

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields.pop("password2", None)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = LABELS.get(name, field.label)
            field.help_text = ""
        if "password1" in self.fields:
            self.fields["password1"].label = self.new_password
            self.fields["password1"].help_text = PASSWORD_HELP
        if "code" in self.fields:
            attrs = {"autofocus": True, "autocapitalize": "characters", "spellcheck": "false", "maxlength": 20}
            self.fields["code"].widget.attrs.update(attrs)


class SignInForm(Plain, forms.LoginForm):
    pass


class SignUpForm(Plain, forms.SignupForm):
    """With the version of the terms that the page showed: consent to another one is none."""

    data: Any
    new_password = _("Password")
    terms_version = CharField(widget=HiddenInput, required=False)

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.terms = get_current_terms()
        self.fields["terms_version"].initial = CURRENT_TERMS

    def clean_terms_version(self) -> str:
        if self.cleaned_data["terms_version"] != CURRENT_TERMS:
            self.data = self.data.copy()
            self.data["terms_version"] = CURRENT_TERMS
            raise ValidationError(_("The terms have changed since this page was shown. Read them, and sign up again."))
        return CURRENT_TERMS

    def validate_unique_email(self, value: str) -> str:
        """A taken address is told to its owner by mail, never to whoever typed it, nor by how long the answer takes."""
        self.account_already_exists = bool(filter_users_by_email(value))
        return str(get_adapter().validate_unique_email(value))

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        if self.account_already_exists:
            User().set_password(self.cleaned_data["password1"])
        if self.account_already_exists and not settings.VERIFY_ADDRESSES:
            get_adapter().send_account_already_exists_mail(self.cleaned_data["email"])
            return None, redirect("account_look_in_mail")
        with transaction.atomic():
            found: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return found


class PasswordChangeForm(Plain, forms.ChangePasswordForm):
    pass


class FirstPasswordForm(Plain, forms.SetPasswordForm):
    new_password = _("Password")


class ResetForm(Plain, forms.ResetPasswordForm):
    def clean_email(self) -> str:
        email: str = super().clean_email()
        for user in self.users[:1]:
            sync_user_email_address(user)
        return email


class NewPasswordForm(Plain, forms.ResetPasswordKeyForm):
    pass


class CodeRequestForm(Plain, forms.RequestLoginCodeForm):
    def clean_email(self) -> str:
        """An account that a command made has no address to confirm yet; the code will confirm it."""
        email: str = super().clean_email()
        if self._user is not None:
            sync_user_email_address(self._user)
        return email


class SignInCodeForm(Plain, forms.ConfirmLoginCodeForm):
    pass


class AddressCodeForm(Plain, forms.ConfirmEmailVerificationCodeForm):
    pass


class ResetCodeForm(Plain, forms.ConfirmPasswordResetCodeForm):
    pass


class AddressForm(Plain, forms.AddEmailForm):
    pass


class OtherAddressForm(Plain, forms.ChangeEmailForm):
    pass


class AgainForm(Plain, forms.ReauthenticateForm):
    pass


class AgainCodeRequestForm(Plain, forms.RequestReauthenticationCodeForm):
    pass


class AgainCodeForm(Plain, forms.ConfirmReauthenticationCodeForm):
    pass
