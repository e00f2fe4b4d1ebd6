"""Generators and the requests that ask them for candidates."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from annotate.models import words


class Generator(models.Model):
    """Engine, model, revision and sampling.

    A record with an endpoint belongs to the site and is made by administrators; campaigns name it. A name
    in an import is a record of its campaign with engine `label`: an origin, never an address.
    """

    campaign = models.ForeignKey("annotate.Campaign", null=True, on_delete=models.CASCADE, related_name="origin_labels")
    name = models.CharField(max_length=120)
    engine = models.CharField(max_length=16, choices=words.engines)
    endpoint = models.URLField(max_length=400, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    revision = models.CharField(max_length=120, blank=True, default="")
    system_prompt = models.TextField(blank=True, default="")
    sampling = models.JSONField(default=dict)
    api_key_variable = models.CharField(max_length=80, blank=True, default="")
    timeout_seconds = models.PositiveIntegerField(default=120)
    max_concurrent = models.PositiveSmallIntegerField(default=4)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "name"], nulls_distinct=False, name="a_generator_is_named_once"
            ),
            models.CheckConstraint(
                condition=Q(campaign__isnull=True) | (Q(engine="label") & Q(endpoint="")),
                name="an_origin_label_has_no_endpoint",
            ),
            models.CheckConstraint(condition=~Q(engine="openai") | ~Q(endpoint=""), name="a_server_has_an_endpoint"),
        ]

    def __str__(self) -> str:
        return self.name


class GenerationRequest(models.Model):
    """One sample wanted from one generator under one parent; the row is the queue."""

    parent = models.ForeignKey("annotate.Message", on_delete=models.RESTRICT, related_name="generation_requests")
    generator = models.ForeignKey(Generator, on_delete=models.RESTRICT, related_name="requests", db_index=False)
    sample_index = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=words.request_states)
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    priority = models.SmallIntegerField(default=0)
    outcome = models.CharField(max_length=24, choices=words.generation_outcomes, null=True)
    reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "generator", "sample_index"],
                condition=Q(state__in=["queued", "running", "done"]),
                name="a_sample_is_asked_for_once",
            ),
            models.CheckConstraint(
                condition=(Q(state="running") & Q(lease_token__isnull=False) & Q(lease_expires_at__isnull=False))
                | (~Q(state="running") & Q(lease_token__isnull=True) & Q(lease_expires_at__isnull=True)),
                name="a_running_request_has_a_lease_and_no_other",
            ),
        ]
        indexes = [
            models.Index(
                "generator", models.F("priority").desc(), "id", name="request_queued", condition=Q(state="queued")
            ),
            models.Index(fields=["lease_expires_at"], name="request_lease_end", condition=Q(state="running")),
            models.Index(fields=["generator"], name="request_failed", condition=Q(state__in=["failed", "set_aside"])),
        ]

    def __str__(self) -> str:
        return f"request {self.pk} ({self.state})"


class ImportRun(models.Model):
    """One import: a file (or items) on its way into a campaign; resumable at `records_done`.

    `read` counts records, `added` those that brought something new, `skipped` those whose all was there
    already, `bad` those that could not be used. An absolute `stored_path` is somebody's own file, which only
    the command that they run reads; others lie in the folder of imports and are a worker's.
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.RESTRICT, related_name="imports")
    public_id = models.UUIDField(unique=True)
    state = models.CharField(max_length=16, choices=words.import_states)
    format = models.CharField(max_length=24, choices=words.import_formats)
    file_name = models.CharField(max_length=255, blank=True, default="")
    stored_path = models.CharField(max_length=400, blank=True, default="")
    sha256 = models.BinaryField(max_length=32, null=True)
    bytes = models.BigIntegerField(default=0)
    bytes_read = models.BigIntegerField(default=0)
    strict = models.BooleanField(default=False)
    defaults = models.JSONField(default=dict)
    records_done = models.BigIntegerField(default=0)
    read = models.BigIntegerField(default=0)
    added = models.BigIntegerField(default=0)
    prompts_added = models.BigIntegerField(default=0)
    candidates_added = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    bad = models.BigIntegerField(default=0)
    reason = models.TextField(blank=True, default="")
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    languages_seen = ArrayField(models.CharField(max_length=16), default=list)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="import_waiting", condition=Q(state__in=["queued", "running"])),
        ]

    def __str__(self) -> str:
        return f"import {self.pk} ({self.state})"


class ImportProblem(models.Model):
    """A line that could not be imported, with its number and the reason. The first thousand are kept."""

    import_run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="errors")
    line = models.BigIntegerField()
    reason = models.TextField()

    class Meta:
        ordering = ["line", "id"]
        constraints = [
            models.UniqueConstraint(fields=["import_run", "line", "reason"], name="a_bad_line_is_told_once"),
        ]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
