"""What an import added, by prompts and by candidates."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotate", "0002_database_rules")]

    operations = [
        migrations.AddField("importrun", "prompts_added", models.BigIntegerField(default=0)),
        migrations.AddField("importrun", "candidates_added", models.BigIntegerField(default=0)),
    ]
