"""Accounts: made, described, and the languages that their people work in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput
from annotate.models import Annotator, LanguageSkill, User
from annotate.reasons import tell_reason
from annotate.services.audit import record_event
from annotate.services.terms import CURRENT_TERMS, accept_terms, lock_annotator
from tasks.text.languages import BadLanguage, normalise_language
from tasks.vocabulary import AuditAction

MAX_EMAIL_CHARS = 254
MAX_LANGUAGES = 40


def create_user(
    *,
    email: str,
    now: datetime,
    display_name: str = "",
    password: str | None = None,
    languages: Iterable[str] = (),
    is_administrator: bool = False,
    with_terms: bool = False,
    actor: Actor | None = None,
) -> User:
    """An account with its annotator; without a password it can only be used by tokens.

    `with_terms` records consent to the current terms on behalf of a person who gave it elsewhere. No languages
    means any. Raises `InvalidInput` and `Conflict` (`address_taken`).
    """
    email = check_email(email)
    skills = check_languages(languages)
    user = User(email=email, display_name=display_name, is_superuser=is_administrator, is_staff=is_administrator)
    if password is not None:
        check_password(password, user=user)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
            annotator = Annotator.objects.create(user=user)
            LanguageSkill.objects.bulk_create(LanguageSkill(annotator=annotator, language=code) for code in skills)
            if with_terms:
                accept_terms(annotator_id=annotator.pk, terms_version=CURRENT_TERMS, now=now)
            record_event(
                actor=actor,
                action=AuditAction.USER_CREATED,
                object_kind="user",
                object_id=user.pk,
                after={"administrator": is_administrator, "languages": skills, "with_terms": with_terms},
            )
    except IntegrityError as error:
        raise Conflict(_("There is an account with this address already."), code="address_taken") from error
    return user


def update_profile(*, user: User, display_name: str | None = None, interface_language: str | None = None) -> User:
    """Change what people say about themselves; what is None stays."""
    if display_name is not None:
        user.display_name = display_name.strip()
    if interface_language is not None:
        (user.interface_language,) = check_languages([interface_language])
    user.save(update_fields=["display_name", "interface_language"])
    return user


def set_languages(*, annotator_id: int, languages: Iterable[str]) -> list[str]:
    """Replace the languages that somebody works in; none means any. Returns them sorted."""
    wanted = check_languages(languages)
    with transaction.atomic():
        lock_annotator(annotator_id=annotator_id)
        mine = LanguageSkill.objects.filter(annotator_id=annotator_id)
        mine.exclude(language__in=wanted).delete()
        have = set(mine.values_list("language", flat=True))
        LanguageSkill.objects.bulk_create(
            LanguageSkill(annotator_id=annotator_id, language=code) for code in wanted if code not in have
        )
    return wanted


def check_email(email: str) -> str:
    """The address in lower case. Raises `InvalidInput`."""
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        address = ""
    if not address or len(address) > MAX_EMAIL_CHARS:
        raise InvalidInput(
            _("This is not an address of e-mail."), details={"email": [_("Write it as name@example.org.")]}
        )
    return address


def check_password(password: str, *, user: User) -> None:
    """Raise `InvalidInput` with what is wrong with a password."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(
            _("The password is too weak: %(problems)s") % {"problems": " ".join(error.messages)},
            code="weak_password",
            details={"password": error.messages},
        ) from error


def check_languages(languages: Iterable[str]) -> list[str]:
    """Codes as we write them, sorted, each once. Raises `InvalidInput`."""
    try:
        codes = sorted({normalise_language(code) for code in languages})
    except BadLanguage as error:
        sentence = tell_reason(str(error))
        raise InvalidInput(sentence, code="language_unknown", details={"languages": [sentence]}) from error
    if len(codes) > MAX_LANGUAGES:
        raise InvalidInput(
            ngettext(
                "At most %(most)s language can be named.", "At most %(most)s languages can be named.", MAX_LANGUAGES
            )
            % {"most": MAX_LANGUAGES},
            details={"languages": [_("Name at most %(most)s.") % {"most": MAX_LANGUAGES}]},
        )
    return codes
