"""Releases: immutable, numbered, checksummed; and the tombstones of what was withdrawn."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from annotate.models import words


class Release(models.Model):
    """One export of a campaign. A row in state `requested` or `building` is the queue of the builder."""

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.RESTRICT, related_name="releases")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=words.release_states)
    trigger = models.CharField(max_length=16, default="request")
    filters = models.JSONField(default=dict)
    licence = models.CharField(max_length=64)
    pseudonym_salt = models.BinaryField(max_length=32)
    counts = models.JSONField(default=dict)
    personal_data = models.JSONField(default=dict)
    manifest = models.JSONField(null=True)
    reason = models.TextField(blank=True, default="")
    requested_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    requested_at = models.DateTimeField()
    frozen_at = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="a_release_number_is_used_once"),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(state__in=["requested", "building"]),
                name="a_campaign_builds_one_release_at_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="sealed") | Q(sealed_at__isnull=False), name="a_sealed_release_has_its_time"
            ),
        ]

    def __str__(self) -> str:
        return f"release {self.number} of {self.campaign_id}"


class ReleaseItem(models.Model):
    """One object that a release contains, frozen before anything is written."""

    pk = models.CompositePrimaryKey("release_id", "kind", "object_id")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="items", db_index=False)
    kind = models.CharField(max_length=16)
    object_id = models.BigIntegerField()
    version = models.IntegerField(default=1)

    class Meta:
        indexes = [models.Index(fields=["kind", "object_id"], name="release_item_by_object")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} in {self.release_id}"


class ReleaseFile(models.Model):
    """One file of a release, under the releases folder."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=120)
    path = models.CharField(max_length=400)
    rows = models.BigIntegerField(null=True)
    bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["release", "name"], name="a_file_of_a_release_is_named_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Tombstone(models.Model):
    """A trace that something was withdrawn after it was given: what kind, which, when; never its content."""

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="tombstones")
    kind = models.CharField(max_length=16)
    object_id = models.BigIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id"], name="a_withdrawal_leaves_one_tombstone"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"
