"""Finds the drafts that somebody left, whatever else they have done."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotate', '0008_campaign_overview'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(condition=models.Q(('state__in', ['expired', 'released'])), fields=['annotator'], name='assignment_left'),
        ),
    ]
