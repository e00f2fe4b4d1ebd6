"""Who did what to which object, before and after, and why. Append-only, by trigger."""

from django.db import models
from django.db.models.functions import Now

from annotate.models import words


class AuditEvent(models.Model):
    """One action of an organizer, a moderator or an administrator (`actor` None: the system itself)."""

    actor = models.ForeignKey("annotate.User", null=True, on_delete=models.RESTRICT, related_name="+")
    campaign = models.ForeignKey("annotate.Campaign", null=True, on_delete=models.RESTRICT, related_name="audit_events")
    action = models.CharField(max_length=40, choices=words.audit_actions)
    object_kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["campaign", "-id"], name="audit_by_campaign")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_kind} {self.object_id}"
