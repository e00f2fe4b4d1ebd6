"""Nothing reads the summaries of queues: why there is no work is answered by bounded look-ups, of that moment."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("annotate", "0006_shown_versions")]

    operations = [migrations.DeleteModel(name="QueueSummary")]
