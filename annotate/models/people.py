"""Who takes part: accounts, guests, their languages, consent, roles and tokens."""

import uuid
from importlib import import_module
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now

from annotate.models import words


class UserManager(BaseUserManager["User"]):
    """Finds people by address, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """An account. Made by `services.people.create_user`; the address is stored in lower case."""

    email = models.EmailField(max_length=254, unique=True)
    display_name = models.CharField(max_length=80, blank=True, default="")
    interface_language = models.CharField(max_length=16, default="en")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []  # type: ignore[misc]  # the base declares a class variable

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="an_address_has_one_user"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="an_address_is_in_lower_case"),
        ]

    def __str__(self) -> str:
        return self.display_name or f"user {self.pk}"

    @property
    def is_administrator(self) -> bool:
        """Whether this person runs the whole site."""
        return self.is_active and self.is_superuser


class Annotator(models.Model):
    """Whoever judges: an account, or a guest's device. Both empty means erased; ballots stay joinable."""

    user = models.OneToOneField(User, null=True, on_delete=models.SET_NULL, related_name="annotator")
    device_hash = models.BinaryField(null=True, unique=True, max_length=32)
    merged_into = models.ForeignKey("self", null=True, on_delete=models.RESTRICT, related_name="merged_guests")
    pseudonym_seed = models.UUIDField(default=uuid.uuid4, editable=False)
    accepted_terms = models.CharField(max_length=32, blank=True, default="")
    suspended_at = models.DateTimeField(null=True)
    suspended_reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=True) | Q(device_hash__isnull=True),
                name="an_annotator_is_a_guest_or_an_account",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")),
                name="an_annotator_is_not_merged_into_itself",
            ),
        ]

    def __str__(self) -> str:
        return f"annotator {self.pk}"

    @property
    def is_guest(self) -> bool:
        return self.user_id is None and self.device_hash is not None


class LanguageSkill(models.Model):
    """A language somebody works in, apart from the language of their interface."""

    annotator = models.ForeignKey(Annotator, on_delete=models.CASCADE, related_name="language_skills")
    language = models.CharField(max_length=16)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["annotator", "language"], name="a_language_is_named_once"),
        ]

    def __str__(self) -> str:
        return self.language


class Consent(models.Model):
    """Terms accepted, by version. `Annotator.accepted_terms` repeats the latest for the hot path."""

    annotator = models.ForeignKey(Annotator, on_delete=models.CASCADE, related_name="consents")
    terms_version = models.CharField(max_length=32)
    accepted_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotator", "terms_version"],
                condition=Q(withdrawn_at__isnull=True),
                name="a_version_is_accepted_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.annotator_id} accepted {self.terms_version}"


class Membership(models.Model):
    """A role in a campaign. Whoever judges needs none: annotators join by working."""

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=words.campaign_roles)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "user"], name="a_member_has_one_role"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.user_id} of {self.campaign_id}"


class ApiToken(models.Model):
    """A token of one person: only its SHA-256 is stored; the text is shown once, when it is made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    token_hash = models.BinaryField(unique=True, max_length=32)
    hint = models.CharField(max_length=8)
    scopes = ArrayField(models.CharField(max_length=16))
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(scopes=[]), name="a_token_has_a_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"


class Session(AbstractBaseSession):
    """A browser that is signed in. It knows its account, so that one query finds both, and all end together."""

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")

    class Meta(AbstractBaseSession.Meta):
        verbose_name = "session"

    def __str__(self) -> str:
        return f"session of {self.user_id}"

    @classmethod
    def get_session_store_class(cls) -> type:
        store: type = import_module(settings.SESSION_ENGINE).SessionStore
        return store
