"""What a sweep last counted in a campaign."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotate", "0003_import_counts")]

    operations = [
        migrations.CreateModel(
            name="CampaignProgress",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="progress",
                        serialize=False,
                        to="annotate.campaign",
                    ),
                ),
                ("units", models.PositiveIntegerField(default=0)),
                ("result", models.JSONField()),
                ("computed_at", models.DateTimeField()),
            ],
        ),
    ]
