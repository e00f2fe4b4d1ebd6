"""Message trees, messages, where their texts came from, and their earlier versions."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from annotate.models import words
from tasks.vocabulary import BriefOrigin, ProposalState, ReportState, ReviewState, TreeState

_TAGS = ArrayField(models.CharField(max_length=80))
_IDS = ArrayField(models.BigIntegerField())


class MessageTree(models.Model):
    """A prompt with all replies. `key` makes imports idempotent: an external id or a digest of the prompt."""

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.RESTRICT, related_name="trees")
    stratum = models.ForeignKey("annotate.Stratum", on_delete=models.RESTRICT, related_name="+")
    state = models.CharField(max_length=24, choices=words.tree_states, default=TreeState.RANKING)
    state_reason = models.CharField(max_length=32, choices=words.tree_reasons, blank=True, db_default="")
    state_changed_at = models.DateTimeField(db_default=Now())
    #: How many accepted messages it grows to; drawn once, from the campaign's parameters of that moment.
    goal_size = models.PositiveSmallIntegerField(null=True)
    #: When its turn came to grow; a tree that is halted and restarted goes on from there.
    drawn_at = models.DateTimeField(null=True)
    brief = models.ForeignKey("annotate.Brief", null=True, on_delete=models.SET_NULL, related_name="trees")
    language = models.CharField(max_length=16)
    topic = models.CharField(max_length=80, blank=True, default="")
    difficulty = models.CharField(max_length=40, blank=True, db_default="")
    tags = ArrayField(models.CharField(max_length=80), default=list, db_default=Value([], _TAGS))
    key = models.CharField(max_length=200)
    external_id = models.CharField(max_length=200, null=True)
    import_run = models.ForeignKey("annotate.ImportRun", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "key"], name="a_tree_is_imported_once"),
        ]
        indexes = [
            models.Index(fields=["campaign", "state", "language"], name="tree_by_state"),
        ]

    def __str__(self) -> str:
        return f"tree {self.pk}"


class Message(models.Model):
    """A prompt (no parent) or a reply. `thread` holds the ids from the root to this message, itself last.

    Equal texts under one parent are one message with several origins. `author` is whoever wrote it here.
    """

    tree = models.ForeignKey(MessageTree, on_delete=models.RESTRICT, related_name="messages")
    parent = models.ForeignKey("self", null=True, on_delete=models.RESTRICT, related_name="replies")
    thread = ArrayField(models.BigIntegerField(), default=list)
    role = models.CharField(max_length=16, choices=words.message_roles)
    text = models.TextField()
    text_hash = models.BinaryField(max_length=32)
    language = models.CharField(max_length=16)
    author = models.ForeignKey("annotate.Annotator", null=True, on_delete=models.RESTRICT, related_name="messages")
    external_id = models.CharField(max_length=200, null=True)
    revision = models.PositiveSmallIntegerField(default=1)
    review_state = models.CharField(max_length=16, choices=words.review_states, db_default=ReviewState.NONE)
    reviewed_at = models.DateTimeField(null=True)
    current_consensus = models.ForeignKey("annotate.Consensus", null=True, on_delete=models.SET_NULL, related_name="+")
    removed_at = models.DateTimeField(null=True)
    removed_reason = models.TextField(blank=True, default="")
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "text_hash", "role"],
                condition=Q(parent__isnull=False) & Q(withdrawn_at__isnull=True),
                name="equal_texts_under_one_parent_are_one_candidate",
            ),
            models.UniqueConstraint(fields=["tree"], condition=Q(parent__isnull=True), name="a_tree_has_one_prompt"),
        ]
        indexes = [
            models.Index(fields=["tree"], name="message_removed", condition=Q(removed_at__isnull=False)),
            # The newest of one language, whatever lies between them.
            models.Index("language", F("id").desc(), name="message_by_language"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"


class MessageRevision(models.Model):
    """An earlier text of a message: who changed it and why. Texts are immutable but for these."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveSmallIntegerField()
    text = models.TextField()
    author = models.ForeignKey("annotate.Annotator", null=True, on_delete=models.RESTRICT, related_name="+")
    reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "number"], name="a_revision_number_is_used_once"),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.message_id}"


class MessageOrigin(models.Model):
    """One way in which a text came to be: imported under a label, generated, or written here."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="origins")
    kind = models.CharField(max_length=16, choices=words.origin_kinds)
    generator = models.ForeignKey("annotate.Generator", null=True, on_delete=models.RESTRICT, related_name="+")
    request = models.OneToOneField(
        "annotate.GenerationRequest", null=True, on_delete=models.RESTRICT, related_name="origin"
    )
    annotator = models.ForeignKey("annotate.Annotator", null=True, on_delete=models.RESTRICT, related_name="+")
    import_run = models.ForeignKey("annotate.ImportRun", null=True, on_delete=models.SET_NULL, related_name="+")
    key = models.CharField(max_length=200)
    provenance = models.JSONField(default=dict)
    #: What a reasoning model told itself before it answered: kept apart, shown to nobody, in no release.
    reasoning = models.TextField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "key"], name="an_origin_is_told_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} origin of {self.message_id}"


class Brief(models.Model):
    """What prompt writers are asked for, in one language. Empty topic, difficulty and words: whatever they like.

    `wanted`: prompts that are asked for by this brief (None: as many as the campaign's trees need).
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="briefs")
    language = models.CharField(max_length=16)
    topic = models.CharField(max_length=80, blank=True, default="")
    difficulty = models.CharField(max_length=40, blank=True, default="")
    origin = models.CharField(max_length=16, choices=words.brief_origins, db_default=BriefOrigin.ORGANIZER)
    words = models.TextField(blank=True, default="")
    wanted = models.PositiveIntegerField(null=True)
    is_open = models.BooleanField(default=True)
    cell = models.ForeignKey("annotate.CoverageCell", null=True, on_delete=models.SET_NULL, related_name="briefs")
    #: An organizer said that the scheduler shall not ask for this.
    vetoed_at = models.DateTimeField(null=True)
    #: Prompts that are there already, so that they are not written again.
    examples = ArrayField(models.BigIntegerField(), default=list, db_default=Value([], _IDS))
    #: Why it is asked for, as numbers: see tasks.scheduling.
    why = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    created_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "language", "topic", "difficulty", "words"],
                condition=Q(is_open=True),
                name="the_same_is_asked_by_one_open_brief",
            ),
        ]

    def __str__(self) -> str:
        return f"brief {self.pk} in {self.language}"


class LanguageSupply(models.Model):
    """What a campaign has in one language, as the last look found it: trees by state, people who review, prompts wanted."""

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="supplies")
    language = models.CharField(max_length=16)
    reviewers = models.PositiveIntegerField(default=0)
    in_review = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0)
    growing = models.PositiveIntegerField(default=0)
    ranking = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    prompts_wanted = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "language"], name="supply_is_one_row_a_language"),
        ]

    def __str__(self) -> str:
        return f"supply of {self.campaign_id} in {self.language}"


class Reaction(models.Model):
    """What somebody felt about a message. Others see counts only once they have reacted themselves."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="reactions")
    annotator = models.ForeignKey("annotate.Annotator", on_delete=models.CASCADE, related_name="reactions")
    code = models.CharField(max_length=16, choices=words.reaction_codes)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "annotator", "code"], name="a_reaction_is_given_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code} on {self.message_id}"


class Report(models.Model):
    """Somebody says that a message should be looked at. Enough open ones hide it until a moderator looked."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="reports")
    annotator = models.ForeignKey("annotate.Annotator", on_delete=models.CASCADE, related_name="reports")
    reason = models.CharField(max_length=24, choices=words.report_reasons)
    state = models.CharField(max_length=16, choices=words.report_states, default=ReportState.OPEN)
    note = models.TextField(blank=True, default="")
    handled_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    handled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message", "annotator"], condition=Q(state="open"), name="one_open_report_a_person_and_message"
            ),
        ]
        indexes = [models.Index(fields=["message"], name="report_open", condition=Q(state="open"))]

    def __str__(self) -> str:
        return f"report of {self.message_id}: {self.reason}"


class RevisionProposal(models.Model):
    """A better wording of a message, once others have begun to judge it: two reviewers who agree decide, or a moderator."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="proposals")
    author = models.ForeignKey("annotate.Annotator", on_delete=models.RESTRICT, related_name="proposals")
    base_revision = models.PositiveSmallIntegerField()
    text = models.TextField()
    reason = models.TextField(blank=True, default="")
    state = models.CharField(max_length=16, choices=words.proposal_states, default=ProposalState.OPEN)
    decided_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message"], condition=Q(state="open"), name="a_message_has_one_open_proposal"
            ),
        ]

    def __str__(self) -> str:
        return f"proposal for {self.message_id}"


class RevisionVote(models.Model):
    """One reviewer's word on a proposed revision."""

    proposal = models.ForeignKey(RevisionProposal, on_delete=models.CASCADE, related_name="votes")
    annotator = models.ForeignKey("annotate.Annotator", on_delete=models.RESTRICT, related_name="+")
    agrees = models.BooleanField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["proposal", "annotator"], name="a_reviewer_has_one_vote"),
        ]

    def __str__(self) -> str:
        return f"vote on proposal {self.proposal_id}"


class MessageIndex(models.Model):
    """What finds a message: words for the search, bands of a MinHash for texts that are nearly the same.

    Written by a job soon after the message, and by whoever writes a prompt at once.
    """

    message = models.OneToOneField(Message, primary_key=True, on_delete=models.CASCADE, related_name="index")
    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False)
    revision = models.PositiveSmallIntegerField()
    vector = SearchVectorField(null=True)
    bands = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        indexes = [
            GinIndex(fields=["vector"], name="message_words"),
            GinIndex(fields=["bands"], name="message_bands"),
        ]

    def __str__(self) -> str:
        return f"index of {self.message_id}"
