"""Message trees, messages, where their texts came from, and their earlier versions."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from annotate.models import words
from tasks.vocabulary import TreeState


class MessageTree(models.Model):
    """A prompt with all replies. `key` makes imports idempotent: an external id or a digest of the prompt."""

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.RESTRICT, related_name="trees")
    stratum = models.ForeignKey("annotate.Stratum", on_delete=models.RESTRICT, related_name="+")
    state = models.CharField(max_length=24, choices=words.tree_states, default=TreeState.RANKING)
    language = models.CharField(max_length=16)
    topic = models.CharField(max_length=80, blank=True, default="")
    key = models.CharField(max_length=200)
    external_id = models.CharField(max_length=200, null=True)
    import_run = models.ForeignKey("annotate.ImportRun", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "key"], name="a_tree_is_imported_once"),
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
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "key"], name="an_origin_is_told_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} origin of {self.message_id}"
