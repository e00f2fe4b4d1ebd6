"""What was computed from judgments, and what is marked to be computed again."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value

from annotate.models import words


class Stale(models.Model):
    """A mark that something must be recomputed: `marked > computed`. Marks made meanwhile survive."""

    pk = models.CompositePrimaryKey("kind", "subject_id")
    kind = models.CharField(max_length=16, choices=words.stale_kinds)
    subject_id = models.BigIntegerField()
    marked = models.BigIntegerField(default=1)
    computed = models.BigIntegerField(db_default=0)
    lease_expires_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(db_default=0)
    error = models.TextField(db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["kind", "subject_id"], name="stale_to_compute", condition=Q(marked__gt=F("computed"))),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


class Consensus(models.Model):
    """The combined ranking of a parent's candidates. Rows are added; the parent points to the current one.

    `reliability_version`: of the snapshot by which its annotators were weighed; 0: all alike. Of the weighed ones only the
    current one is kept, since each hour may bring another.
    """

    parent = models.ForeignKey(
        "annotate.Message", on_delete=models.RESTRICT, related_name="consensuses", db_index=False
    )
    method = models.CharField(max_length=40)
    method_version = models.PositiveSmallIntegerField()
    input_hash = models.BinaryField(max_length=32)
    reliability_version = models.PositiveIntegerField(default=0)
    n = models.PositiveIntegerField()
    seed = models.BigIntegerField()
    result = models.JSONField()
    uncertainty = models.FloatField(null=True)
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "method", "method_version", "input_hash", "reliability_version"],
                name="a_consensus_is_computed_once_from_the_same_ballots",
            ),
        ]

    def __str__(self) -> str:
        return f"consensus of {self.parent_id} from {self.n}"


class ConsensusCheck(models.Model):
    """What came of computing a campaign's current consensuses again under the versions that they name.

    `parents`: some of those that came out otherwise, although no ballot had changed; `different` counts all of them.
    `reliability`: whether the newest snapshot came out as it is stored; None: its ballots have changed since.
    `finished_at`: None while the walk goes on.
    """

    campaign = models.OneToOneField(
        "annotate.Campaign", primary_key=True, on_delete=models.CASCADE, related_name="consensus_check"
    )
    checked = models.PositiveIntegerField(default=0)
    different = models.PositiveIntegerField(default=0)
    parents = ArrayField(models.BigIntegerField(), default=list)
    reliability = models.BooleanField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.different} of {self.checked} in {self.campaign_id}"


class AgreementReport(models.Model):
    """Agreement of a campaign: one row a (kind, language, dimension, stratum, month, coefficient); None means all."""

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="agreement_reports")
    kind = models.CharField(max_length=32, choices=words.kinds)
    language = models.CharField(max_length=16, null=True)
    dimension = models.CharField(max_length=40, null=True)
    stratum = models.ForeignKey("annotate.Stratum", null=True, on_delete=models.CASCADE, related_name="+")
    #: The first day of the month in which it was judged.
    month = models.DateField(null=True)
    coefficient = models.CharField(max_length=40)
    result = models.JSONField()
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "kind", "language", "dimension", "stratum", "month", "coefficient"],
                nulls_distinct=False,
                name="an_agreement_report_is_one_row",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coefficient} of {self.campaign_id}"


class AgreementDetail(models.Model):
    """Which pairs of annotators and which items of a campaign agree least; `result` holds both lists, the worst first."""

    campaign = models.OneToOneField(
        "annotate.Campaign", primary_key=True, on_delete=models.CASCADE, related_name="agreement_detail"
    )
    result = models.JSONField()
    computed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"who and what agrees least in {self.campaign_id}"


class Leaderboard(models.Model):
    """Generators of a campaign compared; `result` is a list of entries, best first.

    `slices`: the same of each language and topic, and with length, place and style held equal.
    """

    campaign = models.OneToOneField(
        "annotate.Campaign", primary_key=True, on_delete=models.CASCADE, related_name="leaderboard"
    )
    result = models.JSONField()
    slices = models.JSONField(default=dict, db_default={})
    computed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"leaderboard of {self.campaign_id}"


class Saving(models.Model):
    """How many rankings a campaign's orders took, and how many a fixed number of each would have.

    `result` is what the page shows; `traces` what was known after each ranking of some parents, so that other rules of when
    to stop can be tried on them without computing anything anew.
    """

    campaign = models.OneToOneField(
        "annotate.Campaign", primary_key=True, on_delete=models.CASCADE, related_name="saving"
    )
    result = models.JSONField()
    traces = models.JSONField()
    computed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"saving in {self.campaign_id}"


class Perspectives(models.Model):
    """Opinion groups found in a campaign's ballots, what all of them accept, and where they part.

    `described`: the same by what people say of themselves. `described_people`, which nobody is told: of whom, with a hash of
    their votes and answers, so that nothing new is published before enough of them have changed.
    """

    campaign = models.OneToOneField(
        "annotate.Campaign", primary_key=True, on_delete=models.CASCADE, related_name="perspectives"
    )
    method = models.CharField(max_length=40)
    method_version = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    result = models.JSONField()
    described = models.JSONField(default=list, db_default=Value([], models.JSONField()))
    described_people = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    computed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"perspectives in {self.campaign_id}"


class OpinionMember(models.Model):
    """Where somebody stands among a campaign's opinion groups, which nobody is told; of the votes behind what is published.

    `votes_hash` tells the next run whether this person's votes have changed since.
    """

    pk = models.CompositePrimaryKey("campaign_id", "annotator_id")
    campaign = models.ForeignKey(
        "annotate.Campaign", on_delete=models.CASCADE, related_name="opinion_members", db_index=False
    )
    annotator = models.ForeignKey("annotate.Annotator", on_delete=models.CASCADE, related_name="opinions")
    group = models.PositiveSmallIntegerField(null=True)
    x = models.FloatField()
    y = models.FloatField()
    votes_hash = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"{self.annotator_id} in group {self.group} of {self.campaign_id}"


class CampaignProgress(models.Model):
    """What a sweep last counted in a campaign: answers "how far" without counting a million units.

    `result` is the progress that the API tells, `overview` what the page of the campaign tells beside it.
    """

    campaign = models.OneToOneField(
        "annotate.Campaign", primary_key=True, on_delete=models.CASCADE, related_name="progress"
    )
    units = models.PositiveIntegerField(default=0)
    result = models.JSONField()
    overview = models.JSONField(default=dict)
    computed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"progress of {self.campaign_id}"
