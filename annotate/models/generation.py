"""Generators and the requests that ask them for candidates."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce, Lower, Now

from annotate.models import words
from tasks.vocabulary import OutputTerms, ServerKind


class Generator(models.Model):
    """Engine, model, revision and sampling.

    A record with an endpoint belongs to the site and is made by administrators; campaigns name it. A name
    in an import is a record of its campaign with engine `label`: an origin, never an address.

    `host` is the endpoint's scheme, host and port: what one server serves shares its limits. `loading` says how a
    worker loads a model itself (`tasks.records.generation.Loading`). `prompt_format` names one of
    `tasks.generation.prompt_formats`; empty: the model's own chat template. `base_model` and `relation` are what its
    card says it was made from; `problem` is what keeps it from answering now.
    """

    campaign = models.ForeignKey("annotate.Campaign", null=True, on_delete=models.CASCADE, related_name="origin_labels")
    name = models.CharField(max_length=120)
    engine = models.CharField(max_length=16, choices=words.engines)
    endpoint = models.URLField(max_length=400, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    revision = models.CharField(max_length=120, blank=True, default="")
    system_prompt = models.TextField(blank=True, default="")
    sampling = models.JSONField(default=dict)
    api_key_variable = models.CharField(max_length=80, blank=True, default="")
    timeout_seconds = models.PositiveIntegerField(default=120)
    max_concurrent = models.PositiveSmallIntegerField(default=4)
    requests_per_minute = models.PositiveIntegerField(null=True)
    host = models.GeneratedField(
        expression=Coalesce(Lower(Func(F("endpoint"), Value("^https?://[^/?#]+"), function="substring")), Value("")),
        output_field=models.CharField(max_length=400),
        db_persist=True,
    )
    server_kind = models.CharField(max_length=16, choices=words.server_kinds, db_default=ServerKind.ANY)
    prompt_format = models.CharField(max_length=80, blank=True, db_default="")
    loading = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    base_model = models.CharField(max_length=200, blank=True, db_default="")
    relation = models.CharField(max_length=16, choices=words.model_relations, null=True)
    quantization = models.CharField(max_length=40, blank=True, db_default="")
    licence = models.CharField(max_length=80, blank=True, db_default="")
    output_terms = models.CharField(max_length=16, choices=words.output_terms, db_default=OutputTerms.UNKNOWN)
    terms_url = models.URLField(max_length=400, blank=True, db_default="")
    problem = models.TextField(blank=True, db_default="")
    problem_at = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "name"], nulls_distinct=False, name="a_generator_is_named_once"
            ),
            models.CheckConstraint(
                condition=Q(campaign__isnull=True) | (Q(engine="label") & Q(endpoint="")),
                name="an_origin_label_has_no_endpoint",
            ),
            models.CheckConstraint(condition=~Q(engine="openai") | ~Q(endpoint=""), name="a_server_has_an_endpoint"),
        ]

    def __str__(self) -> str:
        return self.name


class GenerationRequest(models.Model):
    """One sample wanted from one generator under one parent; the row is the queue.

    `campaign`: the parent's; the database writes it, so that a queue is found without a look at the tree.
    `attempts`: how often it was claimed and came to an end. `losses`: workers that died over it; from the first on it
    is answered alone, so that it takes no other with it. `draws`: answers thrown away because another one was wanted,
    each draw with another seed. `started_at`: when it was last claimed. `prompt_tokens`, `completion_tokens` and
    `compute_seconds` (its share of the time that its batches took) are of all its draws and attempts together.
    """

    campaign = models.ForeignKey(
        "annotate.Campaign", on_delete=models.CASCADE, related_name="generation_requests", db_index=False
    )
    parent = models.ForeignKey("annotate.Message", on_delete=models.RESTRICT, related_name="generation_requests")
    generator = models.ForeignKey(Generator, on_delete=models.RESTRICT, related_name="requests", db_index=False)
    sample_index = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=words.request_states)
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    losses = models.PositiveSmallIntegerField(db_default=0)
    draws = models.PositiveSmallIntegerField(db_default=0)
    priority = models.SmallIntegerField(default=0)
    outcome = models.CharField(max_length=24, choices=words.generation_outcomes, null=True)
    reason = models.TextField(blank=True, default="")
    #: Asked for because the candidates that are there are too much alike.
    is_for_variety = models.BooleanField(db_default=False)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    prompt_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    compute_seconds = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "generator", "sample_index"],
                condition=Q(state__in=["queued", "running", "done"]),
                name="a_sample_is_asked_for_once",
            ),
            models.CheckConstraint(
                condition=(Q(state="running") & Q(lease_token__isnull=False) & Q(lease_expires_at__isnull=False))
                | (~Q(state="running") & Q(lease_token__isnull=True) & Q(lease_expires_at__isnull=True)),
                name="a_running_request_has_a_lease_and_no_other",
            ),
            models.CheckConstraint(
                condition=Q(not_before__isnull=True) | (Q(state="queued") & Q(outcome__isnull=False)),
                name="only_a_queued_request_waits_and_says_why",
            ),
        ]
        indexes = [
            models.Index(
                "generator",
                "campaign",
                F("priority").desc(),
                "id",
                name="request_ready",
                condition=Q(state="queued", not_before__isnull=True, losses=0),
            ),
            models.Index(
                "generator",
                "campaign",
                F("priority").desc(),
                "id",
                name="request_suspect",
                condition=Q(state="queued", not_before__isnull=True, losses__gt=0),
            ),
            models.Index(
                fields=["generator", "outcome", "not_before"],
                name="request_waiting",
                condition=Q(state="queued", not_before__isnull=False),
            ),
            models.Index(fields=["campaign", "generator", "state", "finished_at"], name="request_of_campaign"),
            models.Index(fields=["lease_expires_at"], name="request_lease_end", condition=Q(state="running")),
            models.Index(fields=["generator"], name="request_failed", condition=Q(state__in=["failed", "set_aside"])),
            models.Index(
                fields=["generator", "finished_at"], name="request_ended", condition=Q(finished_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"request {self.pk} ({self.state})"


class GeneratorPairing(models.Model):
    """In how many prompts of a stratum two generators were asked side by side; `first` = `second`: in how many one was.

    Asked is asked, whatever came of it. Without a stratum: in the whole campaign. `credit`: prompts that a generator
    counts as having been asked for before it joined, so that it is not asked for all (`first` = `second` alone).
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.CASCADE, related_name="+", db_index=False)
    stratum = models.ForeignKey(
        "annotate.Stratum", null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    first = models.ForeignKey(Generator, on_delete=models.CASCADE, related_name="+", db_index=False)
    second = models.ForeignKey(Generator, on_delete=models.CASCADE, related_name="+", db_index=False)
    prompts = models.PositiveIntegerField(db_default=0)
    credit = models.FloatField(db_default=0.0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "stratum", "first", "second"],
                nulls_distinct=False,
                name="a_pairing_is_counted_once",
            ),
            models.CheckConstraint(condition=Q(first__lte=F("second")), name="a_pairing_has_one_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} beside {self.second_id}: {self.prompts}"


class Server(models.Model):
    """What is known of a server that generators share: whether it answers, and what may be asked of it now.

    `open_until`: until then it is left alone, because it failed too often in a row (then one request tries it), or
    asked for a pause.
    `tokens`: what of its requests per minute is left, as of `tokens_at`.
    """

    host = models.CharField(max_length=400, unique=True)
    failures = models.PositiveSmallIntegerField(default=0)
    open_until = models.DateTimeField(null=True)
    tokens = models.FloatField(null=True)
    tokens_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")
    changed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.host


class GeneratorTrial(models.Model):
    """An administrator's trial of a generator with one prompt. Its text is nobody's candidate."""

    generator = models.ForeignKey(Generator, on_delete=models.CASCADE, related_name="trials")
    prompt = models.TextField()
    state = models.CharField(max_length=16, choices=words.trial_states)
    outcome = models.CharField(max_length=24, choices=words.generation_outcomes, null=True)
    text = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="")
    provenance = models.JSONField(default=dict)
    seconds = models.FloatField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["generator", "id"], name="trial_waiting", condition=Q(state__in=["queued", "running"])
            ),
        ]

    def __str__(self) -> str:
        return f"trial {self.pk} ({self.state})"


class GenerateWorker(models.Model):
    """What a generate worker said of itself last; it says it every ten seconds. Memory in bytes."""

    name = models.CharField(max_length=120, unique=True)
    model = models.CharField(max_length=400, blank=True, default="")
    device = models.CharField(max_length=120, blank=True, default="")
    state = models.CharField(max_length=16, choices=words.worker_states)
    problem = models.TextField(blank=True, default="")
    waiting_requests = models.PositiveIntegerField(default=0)
    running_requests = models.PositiveIntegerField(default=0)
    tokens_per_second = models.FloatField(null=True)
    memory_used = models.BigIntegerField(null=True)
    memory_total = models.BigIntegerField(null=True)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name


class BatchingProbe(models.Model):
    """Which way of batching was faster for a model on a device, measured once. Speeds in tokens per second.

    `key`: model, revision, dtype, quantization and the versions of what computes. `continuous`: None where the model
    cannot do it, and then `reason` says why.
    """

    key = models.CharField(max_length=500)
    device = models.CharField(max_length=120)
    batching = models.CharField(max_length=16, choices=words.batchings)
    padded = models.FloatField()
    continuous = models.FloatField(null=True)
    reason = models.TextField(blank=True, default="")
    measured_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "device"], name="a_device_is_probed_once")]

    def __str__(self) -> str:
        return f"{self.key} on {self.device}: {self.batching}"


class ImportRun(models.Model):
    """One import: a file (or items) on its way into a campaign; resumable at `records_done`.

    `read` counts records, `added` those that brought something new, `skipped` those whose all was there
    already, `bad` those that could not be used. An absolute `stored_path` is somebody's own file, which only
    the command that they run reads; others lie in the folder of imports and are a worker's.
    """

    campaign = models.ForeignKey("annotate.Campaign", on_delete=models.RESTRICT, related_name="imports")
    public_id = models.UUIDField(unique=True)
    state = models.CharField(max_length=16, choices=words.import_states)
    format = models.CharField(max_length=24, choices=words.import_formats)
    file_name = models.CharField(max_length=255, blank=True, default="")
    stored_path = models.CharField(max_length=400, blank=True, default="")
    sha256 = models.BinaryField(max_length=32, null=True)
    bytes = models.BigIntegerField(default=0)
    bytes_read = models.BigIntegerField(default=0)
    strict = models.BooleanField(default=False)
    defaults = models.JSONField(default=dict)
    records_done = models.BigIntegerField(default=0)
    read = models.BigIntegerField(default=0)
    added = models.BigIntegerField(default=0)
    prompts_added = models.BigIntegerField(default=0)
    candidates_added = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    bad = models.BigIntegerField(default=0)
    reason = models.TextField(blank=True, default="")
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey("annotate.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    languages_seen = ArrayField(models.CharField(max_length=16), default=list)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="import_waiting", condition=Q(state__in=["queued", "running"])),
        ]

    def __str__(self) -> str:
        return f"import {self.pk} ({self.state})"


class ImportProblem(models.Model):
    """A line that could not be imported, with its number and the reason. The first thousand are kept."""

    import_run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="errors")
    line = models.BigIntegerField()
    reason = models.TextField()

    class Meta:
        ordering = ["line", "id"]
        constraints = [
            models.UniqueConstraint(fields=["import_run", "line", "reason"], name="a_bad_line_is_told_once"),
        ]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
