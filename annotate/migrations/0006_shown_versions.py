"""The versions of guideline and label schema under which work was shown."""

import django.db.models.deletion
from django.db import migrations, models

#: What is held or was left when this comes was shown under what its campaign has now.
TELL_VERSIONS = """
UPDATE annotate_assignment s SET guideline_id = c.guideline_id, label_schema_id = c.label_schema_id
FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_campaign c ON c.id = q.campaign_id
WHERE u.id = s.unit_id"""


class Migration(migrations.Migration):
    dependencies = [("annotate", "0005_sessions")]

    operations = [
        migrations.AddField(
            "assignment",
            "guideline",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="+",
                to="annotate.guideline",
            ),
        ),
        migrations.AddField(
            "assignment",
            "label_schema",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="+",
                to="annotate.labelschema",
            ),
        ),
        migrations.RunSQL(TELL_VERSIONS, migrations.RunSQL.noop),
    ]
