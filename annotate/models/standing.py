"""How far a campaign is from each of its targets, as it was last measured: one row a campaign, replaced each time."""

from django.db import models


class TargetStanding(models.Model):
    """Targets with what is known of each, and the two halves of a campaign that compares policies: see tasks.jobs.standing."""

    campaign = models.OneToOneField(
        "annotate.Campaign", primary_key=True, on_delete=models.CASCADE, related_name="standing"
    )
    result = models.JSONField()
    measured_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"standing of {self.campaign_id}"
