"""Queues, units and assignments: the hot path. Counters and their keepers are in the database."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from annotate.models import words


class Queue(models.Model):
    """All units of one campaign, kind, language and qualification; one index descent answers for each.

    `is_gold`: its units are gold items. No end of them is needed, and they are counted nowhere else.
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.RESTRICT, related_name="queues")
    kind = models.CharField(max_length=32, choices=words.kinds)
    language = models.CharField(max_length=16)
    qualification = models.BigIntegerField(null=True)
    is_gold = models.BooleanField(db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "kind", "language", "qualification", "is_gold"],
                nulls_distinct=False,
                name="a_queue_is_one_row",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}/{self.language}"


class Unit(models.Model):
    """One open piece of work: on a message (`subject`), or to a brief. Kept narrow: everything wordy is in `UnitDetail`.

    `is_simple`: of a label schema only the questions of its simple form are asked.
    """

    public_id = models.UUIDField(default=uuid.uuid4, editable=False)
    queue = models.ForeignKey(Queue, on_delete=models.RESTRICT, related_name="units", db_index=False)
    kind = models.CharField(max_length=32, choices=words.kinds)
    subject = models.ForeignKey("annotate.Message", null=True, on_delete=models.RESTRICT, related_name="units")
    brief = models.ForeignKey("annotate.Brief", null=True, on_delete=models.RESTRICT, related_name="units")
    is_simple = models.BooleanField(db_default=False)
    band = models.SmallIntegerField(default=500)
    tie = models.IntegerField()
    needed = models.SmallIntegerField()
    done = models.SmallIntegerField(default=0)
    held = models.SmallIntegerField(default=0)
    surplus = models.SmallIntegerField(default=0)
    is_open = models.BooleanField(default=True)
    is_vacant = models.GeneratedField(
        expression=Q(is_open=True) & Q(needed__gt=F("done") + F("held")),  # type: ignore[arg-type]  # a Q is one
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(done__gte=0) & Q(held__gte=0) & Q(surplus__gte=0), name="counters_are_not_negative"
            ),
            models.CheckConstraint(condition=Q(needed__gte=F("done") + F("held")), name="no_more_than_needed"),
            models.CheckConstraint(
                condition=Q(subject__isnull=False, brief__isnull=True) | Q(subject__isnull=True, brief__isnull=False),
                name="a_unit_is_about_a_message_or_a_brief",
            ),
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(is_open=True), name="a_subject_has_one_open_unit_a_kind"
            ),
        ]
        indexes = [
            models.Index("queue", F("band").desc(), "tie", name="unit_wanted", condition=Q(is_vacant=True)),
            models.Index(fields=["queue"], name="unit_by_queue", condition=Q(is_open=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} unit {self.pk}"


class UnitDetail(models.Model):
    """The cold side of a unit: its stratum, how many judgments are wanted, and why it is offered."""

    unit = models.OneToOneField(Unit, primary_key=True, on_delete=models.CASCADE, related_name="detail")
    stratum = models.ForeignKey("annotate.Stratum", on_delete=models.RESTRICT, related_name="+")
    wanted = models.SmallIntegerField()
    reason_code = models.CharField(max_length=32, choices=words.reason_codes)
    reason_args = models.JSONField(default=dict)
    terms = models.JSONField(default=dict)
    scored_at = models.DateTimeField(null=True)
    #: What scored it: a campaign that compares two policies schedules each prompt by one of them.
    policy = models.CharField(max_length=24, blank=True, db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["unit"], name="detail_not_scored", condition=Q(scored_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"detail of unit {self.unit_id}"


class UnitCandidate(models.Model):
    """A candidate that a unit may show. Removal keeps the row, so that ballots stay explained."""

    pk = models.CompositePrimaryKey("unit_id", "message_id")
    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="candidates", db_index=False)
    message = models.ForeignKey("annotate.Message", on_delete=models.RESTRICT, related_name="+")
    added_at = models.DateTimeField(db_default=Now())
    removed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"candidate {self.message_id} of unit {self.unit_id}"


class Exclusion(models.Model):
    """An annotator whom a unit is never offered to: own work, a conflict, a block."""

    pk = models.CompositePrimaryKey("annotator_id", "unit_id")
    annotator = models.ForeignKey("annotate.Annotator", on_delete=models.CASCADE, related_name="+", db_index=False)
    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="exclusions")
    why = models.CharField(max_length=32)

    def __str__(self) -> str:
        return f"{self.annotator_id} excluded from {self.unit_id}"


class Assignment(models.Model):
    """One annotator's hold on one unit: a lease and a draft. Its presence means "seen".

    `guideline` and `label_schema` are the versions it was shown under, and so those of its judgment. `is_random`: its unit was
    drawn by lot, so that whoever answers what they are given by choice can be compared with this; nobody is told.
    """

    unit = models.ForeignKey(Unit, on_delete=models.RESTRICT, related_name="assignments", db_index=False)
    annotator = models.ForeignKey(
        "annotate.Annotator", on_delete=models.RESTRICT, related_name="assignments", db_index=False
    )
    state = models.CharField(max_length=16, choices=words.assignment_states)
    lease_expires_at = models.DateTimeField(null=True)
    lease_grade = models.CharField(max_length=8, choices=words.lease_grades)
    draft = models.JSONField(null=True)
    draft_version = models.PositiveIntegerField(db_default=0)
    reason_code = models.CharField(max_length=32, choices=words.reason_codes)
    guideline = models.ForeignKey(
        "annotate.Guideline", null=True, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    label_schema = models.ForeignKey(
        "annotate.LabelSchema", null=True, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    skip_reason = models.CharField(max_length=32, choices=words.skip_reasons, null=True)
    cannot_tell_reason = models.CharField(max_length=32, choices=words.cannot_tell_reasons, null=True)
    rationale = models.TextField(db_default="")
    is_random = models.BooleanField(db_default=False)
    next_assignment = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["annotator", "unit"], name="an_annotator_meets_a_unit_once"),
            models.CheckConstraint(
                condition=(Q(state="live") & Q(lease_expires_at__isnull=False))
                | (~Q(state="live") & Q(lease_expires_at__isnull=True)),
                name="a_live_assignment_has_a_lease_and_no_other",
            ),
        ]
        indexes = [
            models.Index(fields=["lease_expires_at"], name="assignment_lease_end", condition=Q(state="live")),
            models.Index(fields=["annotator"], name="assignment_live_by_annotator", condition=Q(state="live")),
            models.Index(fields=["unit"], name="assignment_by_unit"),
            models.Index(fields=["closed_at"], name="assignment_expired", condition=Q(state="expired")),
            # Drafts to resume, among all that somebody has ever done.
            models.Index(fields=["annotator"], name="assignment_left", condition=Q(state__in=["expired", "released"])),
        ]

    def __str__(self) -> str:
        return f"assignment {self.pk} ({self.state})"


class AssignmentCandidate(models.Model):
    """What an assignment shows, frozen. The handle is the letter of `position`: 0 is `a`.

    Below 0: shown before, and not any more since a candidate was removed and others were chosen. A letter is
    never given to another candidate, so that a page that still shows the earlier choice orders nothing else.
    """

    pk = models.CompositePrimaryKey("assignment_id", "position")
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="shown", db_index=False)
    position = models.SmallIntegerField()
    message = models.ForeignKey("annotate.Message", on_delete=models.RESTRICT, related_name="+")
    revision = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment", "message"], name="a_candidate_is_shown_once"),
        ]

    def __str__(self) -> str:
        return f"{self.position} of assignment {self.assignment_id}"
