"""Campaigns, their parameters, guidelines, label schemas and targets."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from annotate.models import words
from tasks.vocabulary import CampaignState

_TEXTS = ArrayField(models.TextField())


class Campaign(models.Model):
    """One collection effort. `parameters` holds the values of `CampaignParameters.version` in force."""

    slug = models.SlugField(max_length=64, unique=True)
    title = models.CharField(max_length=160)
    purpose = models.TextField(blank=True, default="")
    licence = models.CharField(max_length=64, default="CC-BY-4.0")
    preset = models.CharField(max_length=16, choices=words.presets)
    state = models.CharField(max_length=16, choices=words.campaign_states, default=CampaignState.DRAFT)
    state_changed_at = models.DateTimeField(db_default=Now())
    languages = ArrayField(models.CharField(max_length=16))
    kinds = ArrayField(models.CharField(max_length=32))
    allow_guests = models.BooleanField(default=False)
    #: Of generators, only those whose outputs come under one of these terms (empty: any), and whose model has one of
    #: these licences (empty: any).
    output_terms = ArrayField(models.CharField(max_length=16), default=list, db_default=Value([], _TEXTS))
    model_licences = ArrayField(models.CharField(max_length=80), default=list, db_default=Value([], _TEXTS))
    parameters = models.JSONField(default=dict)
    parameters_version = models.PositiveIntegerField(default=1)
    guideline = models.ForeignKey("annotate.Guideline", null=True, on_delete=models.RESTRICT, related_name="+")
    label_schema = models.ForeignKey("annotate.LabelSchema", null=True, on_delete=models.RESTRICT, related_name="+")
    release_schedule = models.CharField(max_length=16, choices=words.release_schedules, null=True)
    next_release_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(languages=[]), name="a_campaign_has_a_language"),
            models.CheckConstraint(condition=~Q(kinds=[]), name="a_campaign_has_a_kind_of_work"),
        ]
        indexes = [
            models.Index(
                fields=["next_release_at"], name="campaign_release_due", condition=Q(next_release_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class CampaignParameters(models.Model):
    """One version of a campaign's parameters, kept for ever. `values` is a `CampaignSettings` as a mapping."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="parameter_versions")
    version = models.PositiveIntegerField()
    values = models.JSONField()
    created_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "version"], name="parameters_have_one_row_a_version"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} v{self.version}"


class Guideline(models.Model):
    """Instructions with examples, by version. A judgment keeps the version it was made under."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="guidelines")
    version = models.PositiveIntegerField()
    text = models.TextField()
    examples = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "version"], name="a_guideline_version_is_one_row"),
        ]

    def __str__(self) -> str:
        return f"guideline v{self.version} of {self.campaign_id}"


class LabelSchema(models.Model):
    """The dimensions of a campaign's labels, by version."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="label_schemas")
    version = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "version"], name="a_label_schema_version_is_one_row"),
        ]

    def __str__(self) -> str:
        return f"label schema v{self.version} of {self.campaign_id}"


class LabelDimension(models.Model):
    """One question of a schema. `anchors` are `[{"value": 0.0, "title": "…"}, …]`, values in [0, 1]."""

    schema = models.ForeignKey(LabelSchema, on_delete=models.CASCADE, related_name="dimensions")
    name = models.SlugField(max_length=40)
    title = models.CharField(max_length=160)
    widget = models.CharField(max_length=16, choices=words.widgets)
    anchors = models.JSONField(default=list)
    mandatory = models.BooleanField(default=False)
    #: Whether the simple form asks it too. Mandatory questions are in every form.
    simple = models.BooleanField(db_default=False)
    applies_to = ArrayField(models.CharField(max_length=16))
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["schema", "name"], name="a_dimension_is_named_once"),
            models.CheckConstraint(condition=~Q(applies_to=[]), name="a_dimension_applies_to_something"),
        ]

    def __str__(self) -> str:
        return self.name


class Stratum(models.Model):
    """A cell of the target space and how many judgments the campaign wants there (None: no target)."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="strata")
    language = models.CharField(max_length=16)
    topic = models.CharField(max_length=80, blank=True, default="")
    target = models.PositiveIntegerField(null=True)
    done = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "language", "topic"], name="a_stratum_is_named_once"),
        ]

    def __str__(self) -> str:
        return f"{self.language}/{self.topic or 'any'}"


class CampaignGenerator(models.Model):
    """A generator that a campaign asks for candidates, and how many samples a prompt.

    With `candidates_per_prompt` a prompt has one of it, and at most so many where too few generators are named.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="campaign_generators")
    generator = models.ForeignKey("annotate.Generator", on_delete=models.RESTRICT, related_name="+")
    samples = models.PositiveSmallIntegerField(default=1)
    #: Asked only where the other generators' candidates are too much alike.
    is_for_variety = models.BooleanField(db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "generator"], name="a_campaign_names_a_generator_once"),
            models.CheckConstraint(condition=Q(samples__gte=1) & Q(samples__lte=16), name="samples_are_one_to_sixteen"),
        ]

    def __str__(self) -> str:
        return f"{self.generator_id} ×{self.samples} for {self.campaign_id}"
