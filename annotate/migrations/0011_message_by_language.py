import django.db.models
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotate", "0010_trees_and_writing"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="message",
            index=models.Index("language", django.db.models.F("id").desc(), name="message_by_language"),
        ),
    ]
