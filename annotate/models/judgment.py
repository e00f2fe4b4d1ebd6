"""Judgments: immutable ballots, labels and texts, superseded or withdrawn but never edited."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from annotate.models import words


class Judgment(models.Model):
    """What somebody submitted for an assignment. A trigger keeps it as it was submitted.

    `counted`: it filled a place of its unit; otherwise it is surplus. `body_hash` recognises the same
    submit sent again. `rest_worse`: the last tier of a ranking is "the rest", unordered.
    `ends_thread`: instead of a turn, the prompter says that the conversation is finished.
    `signals`: how a text came to be (pasted and typed characters, seconds), for reviewers; it blocks nobody.
    """

    assignment = models.ForeignKey("annotate.Assignment", on_delete=models.RESTRICT, related_name="judgments")
    unit = models.ForeignKey("annotate.Unit", on_delete=models.RESTRICT, related_name="judgments", db_index=False)
    annotator = models.ForeignKey(
        "annotate.Annotator", on_delete=models.RESTRICT, related_name="judgments", db_index=False
    )
    guideline = models.ForeignKey(
        "annotate.Guideline", null=True, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    label_schema = models.ForeignKey(
        "annotate.LabelSchema", null=True, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=32, choices=words.kinds)
    counted = models.BooleanField()
    is_current = models.BooleanField(db_default=True)
    supersedes = models.OneToOneField("self", null=True, on_delete=models.RESTRICT, related_name="superseded_by")
    acceptable_tiers = models.SmallIntegerField(null=True)
    rest_worse = models.BooleanField(db_default=False)
    much_better = models.BooleanField(null=True)
    message = models.OneToOneField("annotate.Message", null=True, on_delete=models.RESTRICT, related_name="judgment")
    ends_thread = models.BooleanField(db_default=False)
    signals = models.JSONField(null=True)
    rationale = models.TextField(db_default="")
    active_seconds = models.FloatField(null=True)
    terms_version = models.CharField(max_length=32)
    body_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotator", "unit"],
                condition=Q(is_current=True),
                name="an_annotator_has_one_current_judgment_a_unit",
            ),
            models.CheckConstraint(
                condition=Q(active_seconds__isnull=True) | Q(active_seconds__gte=0),
                name="active_seconds_are_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["unit"], name="judgment_by_unit"),
            models.Index(fields=["annotator", "-created_at"], name="judgment_by_annotator"),
            # Judgments come in the order of time, so a summary of each stretch of pages finds those of a month.
            BrinIndex(fields=["created_at"], name="judgment_by_time", autosummarize=True, pages_per_range=16),
        ]

    def __str__(self) -> str:
        return f"judgment {self.pk}"


class RankedCandidate(models.Model):
    """The place of one shown candidate in a ranking: tier 1 is best; ties share a tier.

    `acceptable` is None when the bar was not given. A foreign key in the database ties
    (assignment, message) to what was shown.
    """

    pk = models.CompositePrimaryKey("judgment_id", "message_id")
    judgment = models.ForeignKey(Judgment, on_delete=models.RESTRICT, related_name="ranked", db_index=False)
    assignment = models.ForeignKey("annotate.Assignment", on_delete=models.RESTRICT, related_name="+", db_index=False)
    message = models.ForeignKey("annotate.Message", on_delete=models.RESTRICT, related_name="+", db_index=False)
    tier = models.SmallIntegerField()
    acceptable = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(tier__gte=1) & Q(tier__lte=20), name="a_tier_is_one_to_twenty"),
        ]

    def __str__(self) -> str:
        return f"tier {self.tier} of {self.message_id}"


class Label(models.Model):
    """One answer on one dimension. Not answered is `skipped` with no value; it is never zero."""

    pk = models.CompositePrimaryKey("judgment_id", "dimension_id")
    judgment = models.ForeignKey(Judgment, on_delete=models.RESTRICT, related_name="labels", db_index=False)
    dimension = models.ForeignKey("annotate.LabelDimension", on_delete=models.RESTRICT, related_name="+")
    answer = models.CharField(max_length=16, choices=words.answers)
    value = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(answer="given") & Q(value__isnull=False)) | (~Q(answer="given") & Q(value__isnull=True)),
                name="a_label_has_a_value_exactly_when_given",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dimension_id}={self.value}"
