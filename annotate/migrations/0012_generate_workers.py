"""Generate workers: trials, servers, probes, pairings, and what a generator is."""

import annotate.models.words
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import tasks.vocabulary
from django.conf import settings
from django.db import migrations, models

#: What was asked before there was a design of comparisons; without a stratum: in the whole campaign.
PAIRINGS_ARE_COUNTED = """
WITH asked AS (
  SELECT DISTINCT t.campaign_id, t.stratum_id, r.parent_id, r.generator_id FROM annotate_generationrequest r
  JOIN annotate_message p ON p.id = r.parent_id JOIN annotate_messagetree t ON t.id = p.tree_id)
INSERT INTO annotate_generatorpairing (campaign_id, stratum_id, first_id, second_id, prompts, credit)
SELECT a.campaign_id, a.stratum_id, a.generator_id, b.generator_id, count(*), 0
FROM asked a JOIN asked b ON b.parent_id = a.parent_id AND b.generator_id >= a.generator_id
GROUP BY GROUPING SETS (
  (a.campaign_id, a.stratum_id, a.generator_id, b.generator_id), (a.campaign_id, a.generator_id, b.generator_id));
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""

REQUESTS_FIND_THEIR_CAMPAIGN = """
UPDATE annotate_generationrequest r SET campaign_id = t.campaign_id
FROM annotate_message p JOIN annotate_messagetree t ON t.id = p.tree_id WHERE p.id = r.parent_id;
UPDATE annotate_generationrequest SET not_before = NULL
WHERE not_before IS NOT NULL AND (state <> 'queued' OR outcome IS NULL);
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""

A_REQUEST_IS_OF_ITS_PARENTS_CAMPAIGN = """
CREATE FUNCTION annotate_request_finds_its_campaign() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.campaign_id := (SELECT t.campaign_id FROM annotate_message p JOIN annotate_messagetree t ON t.id = p.tree_id
                      WHERE p.id = NEW.parent_id);
  RETURN NEW;
END $$;
CREATE TRIGGER a_request_is_of_its_parents_campaign BEFORE INSERT OR UPDATE OF campaign_id, parent_id
  ON annotate_generationrequest FOR EACH ROW EXECUTE FUNCTION annotate_request_finds_its_campaign();
"""

A_REQUEST_IS_OF_ANY_CAMPAIGN = """
DROP TRIGGER a_request_is_of_its_parents_campaign ON annotate_generationrequest;
DROP FUNCTION annotate_request_finds_its_campaign();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("annotate", "0011_message_by_language"),
    ]

    operations = [
        migrations.CreateModel(
            name="BatchingProbe",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=500)),
                ("device", models.CharField(max_length=120)),
                ("batching", models.CharField(choices=annotate.models.words.batchings, max_length=16)),
                ("padded", models.FloatField()),
                ("continuous", models.FloatField(null=True)),
                ("reason", models.TextField(blank=True, default="")),
                ("measured_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="GenerateWorker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True)),
                ("model", models.CharField(blank=True, default="", max_length=400)),
                ("device", models.CharField(blank=True, default="", max_length=120)),
                ("state", models.CharField(choices=annotate.models.words.worker_states, max_length=16)),
                ("problem", models.TextField(blank=True, default="")),
                ("waiting_requests", models.PositiveIntegerField(default=0)),
                ("running_requests", models.PositiveIntegerField(default=0)),
                ("tokens_per_second", models.FloatField(null=True)),
                ("memory_used", models.BigIntegerField(null=True)),
                ("memory_total", models.BigIntegerField(null=True)),
                ("started_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="GeneratorPairing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prompts", models.PositiveIntegerField(db_default=0)),
                ("credit", models.FloatField(db_default=0.0)),
            ],
        ),
        migrations.CreateModel(
            name="GeneratorTrial",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prompt", models.TextField()),
                ("state", models.CharField(choices=annotate.models.words.trial_states, max_length=16)),
                (
                    "outcome",
                    models.CharField(choices=annotate.models.words.generation_outcomes, max_length=24, null=True),
                ),
                ("text", models.TextField(blank=True, default="")),
                ("reason", models.TextField(blank=True, default="")),
                ("provenance", models.JSONField(default=dict)),
                ("seconds", models.FloatField(null=True)),
                ("completion_tokens", models.PositiveIntegerField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Server",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("host", models.CharField(max_length=400, unique=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("open_until", models.DateTimeField(null=True)),
                ("tokens", models.FloatField(null=True)),
                ("tokens_at", models.DateTimeField(null=True)),
                ("last_error", models.TextField(blank=True, default="")),
                ("changed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddField(
            model_name="campaign",
            name="model_licences",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=80),
                db_default=models.Value(
                    [], django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)
                ),
                default=list,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="output_terms",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=16),
                db_default=models.Value(
                    [], django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)
                ),
                default=list,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="generationrequest",
            name="completion_tokens",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="generationrequest",
            name="compute_seconds",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="generationrequest",
            name="draws",
            field=models.PositiveSmallIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="generationrequest",
            name="losses",
            field=models.PositiveSmallIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="generationrequest",
            name="prompt_tokens",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="generationrequest",
            name="started_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="generator",
            name="base_model",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
        migrations.AddField(
            model_name="generator",
            name="host",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.comparison.Coalesce(
                    django.db.models.functions.text.Lower(
                        models.Func(models.F("endpoint"), models.Value("^https?://[^/?#]+"), function="substring")
                    ),
                    models.Value(""),
                ),
                output_field=models.CharField(max_length=400),
            ),
        ),
        migrations.AddField(
            model_name="generator",
            name="licence",
            field=models.CharField(blank=True, db_default="", max_length=80),
        ),
        migrations.AddField(
            model_name="generator",
            name="loading",
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name="generator",
            name="output_terms",
            field=models.CharField(
                choices=annotate.models.words.output_terms,
                db_default=tasks.vocabulary.OutputTerms["UNKNOWN"],
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="generator",
            name="problem",
            field=models.TextField(blank=True, db_default=""),
        ),
        migrations.AddField(
            model_name="generator",
            name="problem_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="generator",
            name="prompt_format",
            field=models.CharField(blank=True, db_default="", max_length=80),
        ),
        migrations.AddField(
            model_name="generator",
            name="quantization",
            field=models.CharField(blank=True, db_default="", max_length=40),
        ),
        migrations.AddField(
            model_name="generator",
            name="relation",
            field=models.CharField(choices=annotate.models.words.model_relations, max_length=16, null=True),
        ),
        migrations.AddField(
            model_name="generator",
            name="requests_per_minute",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="generator",
            name="server_kind",
            field=models.CharField(
                choices=annotate.models.words.server_kinds, db_default=tasks.vocabulary.ServerKind["ANY"], max_length=16
            ),
        ),
        migrations.AddField(
            model_name="generator",
            name="terms_url",
            field=models.URLField(blank=True, db_default="", max_length=400),
        ),
        migrations.AddField(
            model_name="messageorigin",
            name="reasoning",
            field=models.TextField(null=True),
        ),
        migrations.AddIndex(
            model_name="generationrequest",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", False)),
                fields=["generator", "finished_at"],
                name="request_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchingprobe",
            constraint=models.UniqueConstraint(fields=("key", "device"), name="a_device_is_probed_once"),
        ),
        migrations.AddField(
            model_name="generatorpairing",
            name="campaign",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="annotate.campaign"
            ),
        ),
        migrations.AddField(
            model_name="generatorpairing",
            name="first",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="annotate.generator"
            ),
        ),
        migrations.AddField(
            model_name="generatorpairing",
            name="second",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="annotate.generator"
            ),
        ),
        migrations.AddField(
            model_name="generatorpairing",
            name="stratum",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="annotate.stratum",
            ),
        ),
        migrations.AddField(
            model_name="generatortrial",
            name="created_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="generatortrial",
            name="generator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="trials", to="annotate.generator"
            ),
        ),
        migrations.AddConstraint(
            model_name="generatorpairing",
            constraint=models.UniqueConstraint(
                fields=("campaign", "stratum", "first", "second"),
                name="a_pairing_is_counted_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="generatorpairing",
            constraint=models.CheckConstraint(
                condition=models.Q(("first__lte", models.F("second"))), name="a_pairing_has_one_order"
            ),
        ),
        migrations.RunSQL(PAIRINGS_ARE_COUNTED, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="generatortrial",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=["generator", "id"],
                name="trial_waiting",
            ),
        ),
        migrations.AddField(
            model_name="generationrequest",
            name="campaign",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="generation_requests",
                to="annotate.campaign",
            ),
        ),
        migrations.RunSQL(REQUESTS_FIND_THEIR_CAMPAIGN, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="generationrequest",
            name="campaign",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="generation_requests",
                to="annotate.campaign",
            ),
        ),
        migrations.RunSQL(A_REQUEST_IS_OF_ITS_PARENTS_CAMPAIGN, A_REQUEST_IS_OF_ANY_CAMPAIGN),
        migrations.AddConstraint(
            model_name="generationrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("not_before__isnull", True),
                    models.Q(("state", "queued"), ("outcome__isnull", False)),
                    _connector="OR",
                ),
                name="only_a_queued_request_waits_and_says_why",
            ),
        ),
        migrations.RemoveIndex(model_name="generationrequest", name="request_queued"),
        migrations.AddIndex(
            model_name="generationrequest",
            index=models.Index(
                models.F("generator"),
                models.F("campaign"),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("id"),
                condition=models.Q(("losses", 0), ("not_before__isnull", True), ("state", "queued")),
                name="request_ready",
            ),
        ),
        migrations.AddIndex(
            model_name="generationrequest",
            index=models.Index(
                models.F("generator"),
                models.F("campaign"),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("id"),
                condition=models.Q(("losses__gt", 0), ("not_before__isnull", True), ("state", "queued")),
                name="request_suspect",
            ),
        ),
        migrations.AddIndex(
            model_name="generationrequest",
            index=models.Index(
                condition=models.Q(("not_before__isnull", False), ("state", "queued")),
                fields=["generator", "outcome", "not_before"],
                name="request_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="generationrequest",
            index=models.Index(fields=["campaign", "generator", "state", "finished_at"], name="request_of_campaign"),
        ),
    ]
