"""How reliable annotators are, what gives one away as careless or hostile, and gold items that measure both."""

from django.db import models
from django.db.models import F, Q

from annotate.models import words
from tasks.vocabulary import FindingState


class ReliabilitySnapshot(models.Model):
    """How reliable a campaign's annotators were found at one moment. Rows are added; the highest version is in force.

    A consensus names the version it was computed under, so that it can be computed again. `input_hash`: of all ballots
    and gold answers that it depends on. `result`: what holds of all of them together.
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="reliability_snapshots")
    version = models.PositiveIntegerField()
    method = models.CharField(max_length=40)
    method_version = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    input_hash = models.BinaryField(max_length=32)
    n_annotators = models.PositiveIntegerField()
    n_ballots = models.PositiveIntegerField()
    result = models.JSONField(default=dict)
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "version"], name="a_version_of_reliability_is_one_snapshot"),
        ]

    def __str__(self) -> str:
        return f"reliability v{self.version} of {self.campaign_id}"


class AnnotatorReliability(models.Model):
    """One annotator in one snapshot. Shown to nobody but themselves and those who run the campaign.

    `sharpness`: how closely their rankings follow what is common to all, 1 for a typical annotator and 0 for a coin, with
    a 95 % interval. `agreement`: mean Kendall tau with the others, their own ballots left out; None without overlap.
    `details`: the same of labels and gold, by what was measured.
    """

    pk = models.CompositePrimaryKey("snapshot_id", "annotator_id")
    snapshot = models.ForeignKey(
        ReliabilitySnapshot, on_delete=models.CASCADE, related_name="annotators", db_index=False
    )
    annotator = models.ForeignKey("annotate.Annotator", on_delete=models.CASCADE, related_name="reliabilities")
    sharpness = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    agreement = models.FloatField(null=True)
    agreement_low = models.FloatField(null=True)
    agreement_high = models.FloatField(null=True)
    n_ballots = models.PositiveIntegerField()
    n_shared = models.PositiveIntegerField()
    n_gold = models.PositiveIntegerField(default=0)
    gold_right = models.FloatField(default=0)
    details = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(low__gte=0, low__lte=F("sharpness"), high__gte=F("sharpness")),
                name="a_sharpness_lies_in_its_interval",
            ),
        ]

    def __str__(self) -> str:
        return f"annotator {self.annotator_id} in snapshot {self.snapshot_id}"


class GoldItem(models.Model):
    """A unit whose answer is known. It is in a queue of its own (`Queue.is_gold`) and counted apart.

    `answer`: `{"tiers": [[message id, …], …], "acceptable_tiers": n or null}` of what puts candidates in order,
    `{"labels": {dimension: value}}` of labels. `explanation` is told when it was answered, or later.
    """

    unit = models.OneToOneField("annotate.Unit", primary_key=True, on_delete=models.CASCADE, related_name="gold")
    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="gold_items")
    origin = models.CharField(max_length=16, choices=words.gold_origins)
    answer = models.JSONField()
    explanation = models.TextField(blank=True, default="")
    consensus = models.ForeignKey("annotate.Consensus", null=True, on_delete=models.RESTRICT, related_name="+")
    created_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"gold on unit {self.unit_id}"


class GoldResult(models.Model):
    """How a judgment of a gold item compares with its answer: 1 all right, 0 all wrong. `told_at`: it was explained."""

    judgment = models.OneToOneField(
        "annotate.Judgment", primary_key=True, on_delete=models.CASCADE, related_name="gold_result"
    )
    item = models.ForeignKey(GoldItem, on_delete=models.CASCADE, related_name="results")
    score = models.FloatField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=1), name="a_gold_score_is_a_share"),
        ]

    def __str__(self) -> str:
        return f"{self.score} of judgment {self.judgment_id}"


class Finding(models.Model):
    """Signs that somebody's ballots are not honest work, for a moderator to look at. Nothing follows by itself.

    `evidence`: figures and judgments by which anybody can check it. `others`: whose ballots go with these.
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="findings")
    annotator = models.ForeignKey("annotate.Annotator", on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=24, choices=words.finding_kinds)
    state = models.CharField(max_length=16, choices=words.finding_states, default=FindingState.OPEN)
    strength = models.FloatField()
    evidence = models.JSONField(default=dict)
    others = models.ManyToManyField("annotate.Annotator", related_name="+")
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    decided_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_note = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "annotator", "kind"],
                condition=Q(state="open"),
                name="a_finding_is_open_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["upheld", "dismissed"], decided_at__isnull=False)
                | Q(state__in=["open", "gone"], decided_at__isnull=True),
                name="a_finding_is_decided_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "state", "-strength"], name="finding_to_look_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.annotator_id}"
