"""What the page of a campaign tells beside its progress, and the indexes that keep counting it cheap."""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotate', '0007_drop_queue_summaries'),
    ]

    operations = [
        migrations.AddField(
            model_name='campaignprogress',
            name='overview',
            field=models.JSONField(default=dict),
        ),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(condition=models.Q(('state', 'expired')), fields=['closed_at'], name='assignment_expired'),
        ),
        migrations.AddIndex(
            model_name='generationrequest',
            index=models.Index(condition=models.Q(('state__in', ['failed', 'set_aside'])), fields=['generator'], name='request_failed'),
        ),
        migrations.AddIndex(
            model_name='judgment',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['created_at'], name='judgment_by_time', pages_per_range=16),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('removed_at__isnull', False)), fields=['tree'], name='message_removed'),
        ),
    ]
