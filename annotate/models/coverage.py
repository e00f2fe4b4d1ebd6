"""Where the prompts of a campaign lie, what it wants to cover, how much of that is covered, and who was asked."""

from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from annotate.models import words
from tasks.vocabulary import SimulationState

_TEXTS = ArrayField(models.TextField())


if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field


class HalfVectorField(_Field):
    """A vector of 16-bit floats of any length, by the extension `vector`. Written and read as text or by a cast in SQL."""

    def db_type(self, connection: Any) -> str:
        return "halfvec"


class TextVector(models.Model):
    """The embedding of a message in one revision, by the embedder that made it (its name and version in one word)."""

    message = models.OneToOneField(
        "annotate.Message", primary_key=True, on_delete=models.CASCADE, related_name="text_vector"
    )
    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False)
    revision = models.PositiveSmallIntegerField()
    embedder = models.CharField(max_length=200)
    vector = HalfVectorField()
    computed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["campaign", "embedder"], name="text_vector_by_campaign")]

    def __str__(self) -> str:
        return f"vector of {self.message_id} by {self.embedder}"


class Topic(models.Model):
    """A group of prompts about the same thing, found by clustering. `number` stays the same while the data grows.

    `terms`: the words that tell it from others, most telling first. `name`: the first of them, or what an organizer called
    it (`is_named`), which no later fit changes. `merged_into`: an organizer said that both are one.
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="topics")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=80)
    is_named = models.BooleanField(db_default=False)
    terms = ArrayField(models.TextField(), default=list, db_default=Value([], _TEXTS))
    embedder = models.CharField(max_length=200)
    centroid = HalfVectorField()
    prompts = models.PositiveIntegerField(db_default=0)
    merged_into = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="merged")
    retired_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="a_topic_has_its_number"),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")),
                name="a_topic_is_not_merged_into_itself",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TopicFit(models.Model):
    """One run of the clustering: what it was fitted to, and how far the topics moved since the one before.

    The same run once more, under the next version, where an organizer said that prompts are to be placed anew by it.

    `result`: the directions of the plane on which prompts are drawn, figures of the fit, warnings for organizers.
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="topic_fits")
    version = models.PositiveIntegerField()
    embedder = models.CharField(max_length=200)
    method = models.CharField(max_length=40)
    method_version = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    prompts = models.PositiveIntegerField()
    topics = models.PositiveIntegerField()
    drift = models.FloatField(null=True)
    result = models.JSONField(default=dict)
    fitted_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "version"], name="a_fit_is_one_version")]

    def __str__(self) -> str:
        return f"topics v{self.version} of {self.campaign_id}"


class TargetShare(models.Model):
    """How much of what a campaign collects should be of one value of one axis of its target space.

    `axis` and `value`: a language's tag, a topic's number, a difficulty, the name of a length, or a tag. Shares of an axis
    that sum to less than 1 leave the rest to its other values, in proportion to their prompts.
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="target_shares")
    axis = models.CharField(max_length=16, choices=words.target_axes)
    value = models.CharField(max_length=80)
    share = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "axis", "value"], name="a_share_is_set_once"),
            models.CheckConstraint(condition=Q(share__gte=0, share__lte=1), name="a_share_is_a_share"),
        ]

    def __str__(self) -> str:
        return f"{self.share} of {self.axis} {self.value}"


class CoverageCell(models.Model):
    """A cell of the target space as the scheduler sees it: language × topic × difficulty × length.

    `share`: of the campaign's target that lies here, in [0, 1]; all cells together make 1. `prompts`: there are.
    `finished`: of them, how many are known as surely as the campaign wants, a part of one counted as a part. `judgments`
    stand, `held` are under way. `groups`: how many judgments each group of people gave. `coverage`: see tasks.scheduling.
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="cells")
    language = models.CharField(max_length=16)
    topic = models.ForeignKey(Topic, null=True, on_delete=models.CASCADE, related_name="cells")
    difficulty = models.CharField(max_length=40, blank=True, db_default="")
    length = models.CharField(max_length=8, choices=words.prompt_lengths)
    share = models.FloatField(db_default=0.0)
    prompts = models.PositiveIntegerField(db_default=0)
    finished = models.FloatField(db_default=0.0)
    judgments = models.PositiveIntegerField(db_default=0)
    held = models.PositiveIntegerField(db_default=0)
    groups = models.JSONField(default=dict)
    coverage = models.FloatField(db_default=0.0)
    counted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "language", "topic", "difficulty", "length"],
                nulls_distinct=False,
                name="a_cell_is_one_row",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.language}/{self.topic_id}/{self.difficulty}/{self.length}"


class PromptPlace(models.Model):
    """Where a prompt lies in the target space, and on the plane on which organizers see all prompts.

    `fit`: the version of the topics by which it was placed; an older one is placed again. `density`: how many others are
    near it, 1 for a typical prompt; a low one is thin.
    """

    message = models.OneToOneField("annotate.Message", primary_key=True, on_delete=models.CASCADE, related_name="place")
    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False)
    tree = models.OneToOneField("annotate.MessageTree", on_delete=models.CASCADE, related_name="place")
    cell = models.ForeignKey(CoverageCell, on_delete=models.CASCADE, related_name="places")
    topic = models.ForeignKey(Topic, null=True, on_delete=models.SET_NULL, related_name="places")
    fit = models.PositiveIntegerField(db_default=0)
    x = models.FloatField(null=True)
    y = models.FloatField(null=True)
    density = models.FloatField(null=True)
    placed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["campaign", "fit"], name="place_by_fit")]

    def __str__(self) -> str:
        return f"place of {self.message_id}"


class CoverageReport(models.Model):
    """A campaign's coverage at one moment, or that of one language of it (`language`; None: of all). Rows are added.

    `coverage`, `prompts`, `candidates`, `people` and `facility` are in [0, 1], None where they cannot be said; `result` has
    what they were made of. Old rows are thinned: hourly for two days, daily from then on.
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="coverage_reports")
    language = models.CharField(max_length=16, null=True)
    measured_at = models.DateTimeField()
    coverage = models.FloatField()
    prompts = models.FloatField(null=True)
    candidates = models.FloatField(null=True)
    people = models.FloatField(null=True)
    facility = models.FloatField(null=True)
    judgments = models.PositiveIntegerField()
    result = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "language", "measured_at"],
                nulls_distinct=False,
                name="coverage_is_measured_once_a_moment",
            ),
            models.CheckConstraint(condition=Q(coverage__gte=0, coverage__lte=1), name="a_coverage_is_a_share"),
        ]

    def __str__(self) -> str:
        return f"coverage {self.coverage} of {self.campaign_id}"


class AnnotatorTraits(models.Model):
    """What a claim knows of somebody in one campaign, in one narrow row: written by a job, read by its key alone.

    `sharpness` as in the reliability in force, 1 for who is new. `opinion`: of the opinion groups. `group`: of people, for
    the coverage: an opinion group, or a community of language. Nobody is told any of it.
    """

    pk = models.CompositePrimaryKey("campaign_id", "annotator_id")
    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False)
    annotator = models.ForeignKey("annotate.Annotator", on_delete=models.CASCADE, related_name="traits")
    sharpness = models.FloatField(db_default=1.0)
    opinion = models.PositiveSmallIntegerField(null=True)
    group = models.CharField(max_length=40, db_default="")
    judgments = models.PositiveIntegerField(db_default=0)
    computed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"traits of {self.annotator_id} in {self.campaign_id}"


class SelfDescription(models.Model):
    """What somebody chose to say of themselves. No row: they did not say. Never shown of one person, to nobody."""

    annotator = models.ForeignKey("annotate.Annotator", on_delete=models.CASCADE, related_name="self_descriptions")
    question = models.CharField(max_length=24, choices=words.self_questions)
    answer = models.CharField(max_length=24)
    answered_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["annotator", "question"], name="a_question_is_answered_once")]

    def __str__(self) -> str:
        return f"{self.question} of {self.annotator_id}"


class Interest(models.Model):
    """A topic that somebody would rather be asked about, or rather not."""

    annotator = models.ForeignKey("annotate.Annotator", on_delete=models.CASCADE, related_name="interests")
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="interests")
    likes = models.BooleanField()
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["annotator", "topic"], name="an_interest_is_told_once")]

    def __str__(self) -> str:
        return f"interest of {self.annotator_id} in {self.topic_id}"


class Simulation(models.Model):
    """A campaign imagined with other parameters, by volunteers that a program makes up. `report`: what came of it."""

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="simulations")
    state = models.CharField(max_length=16, choices=words.simulation_states, default=SimulationState.QUEUED)
    asked = models.JSONField()
    report = models.JSONField(null=True)
    reason = models.TextField(blank=True, db_default="")
    lease_expires_at = models.DateTimeField(null=True)
    requested_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    requested_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["campaign", "-requested_at"], name="simulation_by_campaign")]

    def __str__(self) -> str:
        return f"simulation {self.pk} of {self.campaign_id}"
