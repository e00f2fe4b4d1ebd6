"""The words of the product, once: enumerations that models, API, jobs and releases share.

Values are stored and published, so a member is never renamed; a new one needs no migration,
because models take their choices from here through callables.
"""

from enum import IntFlag, StrEnum


class Kind(StrEnum):
    """Kinds of work a volunteer can be asked for."""

    RANK = "rank"
    COMPARE = "compare"
    LABEL = "label"
    WRITE_ASSISTANT_REPLY = "write_assistant_reply"
    WRITE_PROMPTER_REPLY = "write_prompter_reply"
    WRITE_PROMPT = "write_prompt"
    WRITE_PAIR = "write_pair"
    IMPROVE_REPLY = "improve_reply"


#: Kinds whose work is to order candidates: under one parent, or prompts of one brief.
ORDERING_KINDS = (Kind.RANK, Kind.COMPARE)
#: Kinds whose work is a text.
WRITING_KINDS = (
    Kind.WRITE_ASSISTANT_REPLY,
    Kind.WRITE_PROMPTER_REPLY,
    Kind.WRITE_PROMPT,
    Kind.WRITE_PAIR,
    Kind.IMPROVE_REPLY,
)
#: Kinds that begin a tree: their units have a brief and no subject.
STARTING_KINDS = (Kind.WRITE_PROMPT, Kind.WRITE_PAIR)
#: Kinds that are asked for only where trees grow.
GROWN_KINDS = (*STARTING_KINDS, Kind.WRITE_PROMPTER_REPLY)
#: Kinds that answer the subject: what is written becomes a reply under it.
REPLYING_KINDS = (Kind.WRITE_ASSISTANT_REPLY, Kind.WRITE_PROMPTER_REPLY)


class Preset(StrEnum):
    RANK = "rank"
    COMPARE = "compare"
    TREES = "trees"
    LABEL = "label"


class CampaignState(StrEnum):
    """draft → open ⇄ paused → closed; a closed campaign may be opened again."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


class CampaignRole(StrEnum):
    ORGANIZER = "organizer"
    MODERATOR = "moderator"
    ANNOTATOR = "annotator"


class MessageRole(StrEnum):
    PROMPTER = "prompter"
    ASSISTANT = "assistant"


class TreeState(StrEnum):
    """States of a message tree; what enters and what leaves each is in `tasks.scheduling.tree_states`.

    A campaign that grows no trees has its trees in `ranking`.
    """

    PROMPT_REVIEW = "prompt_review"
    WAITING = "waiting"
    GROWING = "growing"
    RANKING = "ranking"
    DONE = "done"
    LOW_GRADE = "low_grade"
    HALTED = "halted"
    RETIRED = "retired"


#: States in which a tree takes no work.
ENDED_TREES = (TreeState.DONE, TreeState.LOW_GRADE, TreeState.HALTED, TreeState.RETIRED)


class TreeReason(StrEnum):
    """Why a tree is in its state, where the state alone does not say it."""

    NONE = ""
    REVIEWED = "reviewed"
    DRAWN = "drawn"
    GOAL_REACHED = "goal_reached"
    NOTHING_LEFT_TO_WRITE = "nothing_left_to_write"
    RANKED = "ranked"
    NOTHING_TO_RANK = "nothing_to_rank"
    PROMPT_REJECTED = "prompt_rejected"
    REPORTED = "reported"
    SKIPPED_BY_MANY = "skipped_by_many"
    PROMPT_REMOVED = "prompt_removed"
    BY_MODERATOR = "by_moderator"
    RESTARTED = "restarted"
    NOT_NEEDED = "not_needed"
    NOBODY_CAME = "nobody_came"
    GROWTH_ENDED = "growth_ended"


class ReviewState(StrEnum):
    """What reviewers made of a message. `none`: it needs no review, as what was imported or generated."""

    NONE = "none"
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ReactionCode(StrEnum):
    THUMBS_UP = "thumbs_up"
    THUMBS_DOWN = "thumbs_down"
    HEART = "heart"
    LAUGH = "laugh"
    CLAP = "clap"
    PUZZLED = "puzzled"


class ReportReason(StrEnum):
    SPAM = "spam"
    WRONG_LANGUAGE = "wrong_language"
    PERSONAL_DATA = "personal_data"
    HARMFUL = "harmful"
    COPIED = "copied"
    OFF_TOPIC = "off_topic"
    OTHER = "other"


class ReportState(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class ProposalState(StrEnum):
    """What became of a proposed revision."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class OriginKind(StrEnum):
    """Where the text of a candidate came from."""

    IMPORTED = "imported"
    GENERATED = "generated"
    WRITTEN = "written"
    IMPROVED = "improved"


class AssignmentState(StrEnum):
    LIVE = "live"
    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


class LeaseGrade(StrEnum):
    """A hold given along with a submit is `offered` (short) until its first sign of activity."""

    OFFERED = "offered"
    ACTIVE = "active"


class SkipReason(StrEnum):
    NOT_MY_TOPIC = "not_my_topic"
    NOT_MY_LANGUAGE = "not_my_language"
    TOO_LONG = "too_long"
    UNCOMFORTABLE = "uncomfortable"
    BROKEN = "broken"
    OTHER = "other"


class CannotTellReason(StrEnum):
    NEED_EXPERTISE = "need_expertise"
    ALL_ALIKE = "all_alike"
    PROMPT_UNCLEAR = "prompt_unclear"
    OTHER = "other"


class ReasonCode(StrEnum):
    """Why this work is offered. Says nothing about what others thought of it."""

    FIRST_JUDGMENT = "first_judgment"
    STRATUM_THIN = "stratum_thin"
    MORE_VOICES = "more_voices"
    REPLY_WANTED = "reply_wanted"
    TURN_WANTED = "turn_wanted"
    PROMPT_WANTED = "prompt_wanted"
    REVIEW_WANTED = "review_wanted"
    IMPROVEMENT_WANTED = "improvement_wanted"
    OWN_CHOICE = "own_choice"


class WhyNone(StrEnum):
    """Why nothing is offered."""

    CAMPAIGN_NOT_OPEN = "campaign_not_open"
    TERMS_NOT_ACCEPTED = "terms_not_accepted"
    SUSPENDED = "suspended"
    NO_LANGUAGE = "no_language"
    NONE_IN_YOUR_LANGUAGES = "none_in_your_languages"
    NO_SUCH_KIND = "no_such_kind"
    CAPPED = "capped"
    ALL_HELD = "all_held"
    SEEN_ALL = "seen_all"
    DONE = "done"
    EMPTY = "empty"
    BUSY = "busy"
    PROMPTS_NOT_NEEDED = "prompts_not_needed"


class Answer(StrEnum):
    GIVEN = "given"
    SKIPPED = "skipped"
    NOT_APPLICABLE = "not_applicable"


class Widget(StrEnum):
    YES_NO = "yes_no"
    FLAG = "flag"
    SCALE = "scale"


class Engine(StrEnum):
    """How a generator is reached. `label` names the origin of imported texts and is never called."""

    LABEL = "label"
    OPENAI = "openai"
    TRANSFORMERS = "transformers"


class ServerKind(StrEnum):
    """Which program answers at an endpoint; what it takes and leaves out is in `tasks.generation.servers`."""

    ANY = "any"
    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMA_CPP = "llama_cpp"
    OLLAMA = "ollama"
    LM_STUDIO = "lm_studio"
    TRANSFORMERS = "transformers"


class Batching(StrEnum):
    """How a worker answers many requests of a model at once. `auto`: whichever a probe showed to be faster here."""

    AUTO = "auto"
    PADDED = "padded"
    CONTINUOUS = "continuous"


class ModelRelation(StrEnum):
    """What a model is to the one that it was made from."""

    QUANTIZED = "quantized"
    FINETUNED = "finetuned"
    ADAPTER = "adapter"
    MERGED = "merged"


class OutputTerms(StrEnum):
    """What a model's licence or its maker asks of whoever uses its texts.

    `no_training`: other models may not be trained on them. `unknown`: nobody has looked.
    """

    FREE = "free"
    ATTRIBUTION = "attribution"
    SHARE_ALIKE = "share_alike"
    NON_COMMERCIAL = "non_commercial"
    NO_TRAINING = "no_training"
    UNKNOWN = "unknown"


class TrialState(StrEnum):
    """How far the trial of a generator with one prompt is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class WorkerState(StrEnum):
    """What a generate worker is doing; one that has said nothing for a while is gone, whatever it said last."""

    LOADING = "loading"
    WORKING = "working"
    WAITING = "waiting"
    STOPPING = "stopping"
    STOPPED = "stopped"


class RequestState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SET_ASIDE = "set_aside"


class GenerationOutcome(StrEnum):
    """What came of one generation request.

    `duplicate_text`: another candidate has this very text. `near_duplicate`: nearly the same text as another one's.
    `declined`: the model said that it will not answer. `looping`: it repeated itself without end. `not_numbers`: it
    computed probabilities that are none. `out_of_memory`: it did not fit even alone. `prompt_too_long`: the last turn
    alone is longer than the model's context. `model_unavailable`: the model cannot be loaded. `key_refused`: the server does
    not take the key; the request waits until it does.
    """

    STORED = "stored"
    DUPLICATE_TEXT = "duplicate_text"
    NEAR_DUPLICATE = "near_duplicate"
    DECLINED = "declined"
    LOOPING = "looping"
    NOT_NUMBERS = "not_numbers"
    OUT_OF_MEMORY = "out_of_memory"
    PROMPT_TOO_LONG = "prompt_too_long"
    MODEL_UNAVAILABLE = "model_unavailable"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    TIMED_OUT = "timed_out"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    REFUSED_BY_SERVER = "refused_by_server"
    KEY_REFUSED = "key_refused"
    BAD_ANSWER = "bad_answer"
    UNREACHABLE = "unreachable"
    WORKER_LOST = "worker_lost"


class ImportState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ImportFormat(StrEnum):
    PROMPTS = "prompts"
    JSONL = "jsonl"
    OASST_TREES = "oasst_trees"
    OASST_MESSAGES = "oasst_messages"
    SAMPLING_REPORT = "sampling_report"
    CSV = "csv"
    PARQUET = "parquet"


class ReleaseState(StrEnum):
    REQUESTED = "requested"
    BUILDING = "building"
    SEALED = "sealed"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


class ReleaseSchedule(StrEnum):
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    TARGET = "target"


class StaleKind(StrEnum):
    """What a mark asks to recompute; the subject id is a message (parent) or a campaign.

    `campaign_units`: the open units of a campaign must follow its parameters and kinds of work.
    `subject_need`: certainty about a parent changed, so its units may need more judgments, or fewer.
    `tree`: the subject id is a tree; what it asks for and its state must be decided again.
    `supply`: how many prompts a campaign wants in each language, and whose turn it is.
    `text_refused`: nothing to recompute. The embedder refuses the text of this message, whose revision is `marked`.
    Those that start with `turn` are no marks: they say whose turn it is at a campaign's regular work.
    """

    PARENT = "parent"
    CAMPAIGN = "campaign"
    CAMPAIGN_UNITS = "campaign_units"
    SUBJECT_NEED = "subject_need"
    TREE = "tree"
    SUPPLY = "supply"
    TEXT_REFUSED = "text_refused"
    TURN_TREES = "turn_trees"
    TURN_SCHEDULE = "turn_schedule"
    TURN_SUMMARY = "turn_summary"
    TURN_REQUESTS = "turn_requests"
    TURN_INDEX = "turn_index"
    TURN_OPINIONS = "turn_opinions"
    TURN_RELIABILITY = "turn_reliability"
    TURN_CHECK = "turn_check"
    TURN_SAVING = "turn_saving"
    TURN_FINDINGS = "turn_findings"
    TURN_VECTORS = "turn_vectors"
    TURN_TOPICS = "turn_topics"
    TURN_COVERAGE = "turn_coverage"
    TURN_TRAITS = "turn_traits"
    TURN_BRIEFS = "turn_briefs"
    TURN_STANDING = "turn_standing"
    TURN_VARIETY = "turn_variety"


class TopicsTodo(IntFlag):
    """What the next turn at a campaign's topics has to do: bits of the turn's cursor, which stand until one has ended.

    `fit`: look for topics again, since somebody asked. `shares`: give cells their parts of what is wanted now.
    """

    FIT = 1
    SHARES = 2


class StopReason(StrEnum):
    """Why a unit asks for no more judgments.

    `fixed`: the campaign gives every unit the same number. Of a rule of certainty: `order_sure`, `best_sure`,
    `little_gain` (one more judgment cannot be worth its time), or `maximum` (unsure still, and not asked further).
    """

    FIXED = "fixed"
    ORDER_SURE = "order_sure"
    BEST_SURE = "best_sure"
    LITTLE_GAIN = "little_gain"
    MAXIMUM = "maximum"


class Scope(StrEnum):
    """What a token may do for the person it belongs to, within what that person may do."""

    ANNOTATE = "annotate"
    ORGANIZE = "organize"
    READ = "read"
    ADMIN = "admin"


class Coefficient(StrEnum):
    """Measures of agreement among annotators: alpha of labels, all others of rankings."""

    KRIPPENDORFF_ALPHA = "krippendorff_alpha"
    PAIRWISE_ALPHA = "pairwise_alpha"
    RANK_ALPHA_ORDINAL = "rank_alpha_ordinal"
    RANK_ALPHA_INTERVAL = "rank_alpha_interval"
    KENDALL_TAU = "kendall_tau"
    KENDALL_TAU_B = "kendall_tau_b"
    KENDALL_W = "kendall_w"


class Metric(StrEnum):
    """How far apart two values of a label are."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"
    RATIO = "ratio"


class GoldOrigin(StrEnum):
    """Where the answer of a gold item came from: an organizer, or a consensus that is beyond doubt."""

    WRITTEN = "written"
    PROMOTED = "promoted"


class FindingKind(StrEnum):
    """Signs by which ballots give their author away.

    `random`: no better than a coin. `position`: by place alone, as the first always best. `contrary`: against all others
    time and again. `copied`: another's ballots again. `collusion`: several people give the same odd ballots. `hurried`:
    faster than anybody reads. `scripted`: at the pace of a program.
    """

    RANDOM = "random"
    POSITION = "position"
    CONTRARY = "contrary"
    COPIED = "copied"
    COLLUSION = "collusion"
    HURRIED = "hurried"
    SCRIPTED = "scripted"


class FindingState(StrEnum):
    """`gone`: later ballots made it go away before anybody decided."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    GONE = "gone"


class OpinionState(StrEnum):
    """What the search for opinion groups came to.

    `too_few`: too few people with enough ballots to look. `none`: no groups of ten or more people whose ballots differ
    by more than chance. `found`: there are some.
    """

    TOO_FEW = "too_few"
    NONE = "none"
    FOUND = "found"


class TargetAxis(StrEnum):
    """The axes of a campaign's target space, along which its organizers set shares."""

    LANGUAGE = "language"
    TOPIC = "topic"
    DIFFICULTY = "difficulty"
    LENGTH = "length"
    TAG = "tag"


class PromptLength(StrEnum):
    """How long a prompt is: up to 80 characters, up to 400, longer."""

    SHORT = "short"
    MIDDLE = "middle"
    LONG = "long"


class PolicyName(StrEnum):
    """What decides which unit is wanted most.

    COVERAGE        expected gain in coverage and certainty per minute (the default)
    UNCERTAINTY     what is known least surely
    ROUND_ROBIN     cell after cell in turn, each as often as any other
    OPEN_ASSISTANT  a lottery over authors, then the weights that Open Assistant used
    UNIFORM         at random
    """

    COVERAGE = "coverage"
    UNCERTAINTY = "uncertainty"
    ROUND_ROBIN = "round_robin"
    OPEN_ASSISTANT = "open_assistant"
    UNIFORM = "uniform"


class BriefOrigin(StrEnum):
    """Who asks for prompts by a brief: an organizer, or the scheduler where prompts are missing."""

    ORGANIZER = "organizer"
    SCHEDULER = "scheduler"


class SelfQuestion(StrEnum):
    """What people may say of themselves. All of it is free to leave out."""

    AGE = "age"
    GENDER = "gender"
    REGION = "region"
    EDUCATION = "education"
    FIELD = "field"
    FIRST_LANGUAGE = "first_language"
    AI_USE = "ai_use"


class SimulationState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobName(StrEnum):
    """Celery entry points by name; `annotate.wake` sends these, `tasks.jobs` answers."""

    RUN_IMPORTS = "imports.run_imports"
    GENERATE_CANDIDATES = "generation.generate_candidates"
    GENERATE_LOCALLY = "generation.generate_locally"
    TRY_GENERATORS = "generation.try_generators"
    SWEEP_REQUESTS = "generation.sweep_requests"
    RECOMPUTE_STALE = "quality.recompute_stale"
    MEASURE_RELIABILITY = "reliability.measure_reliability"
    CHECK_CONSENSUS = "reliability.check_consensus"
    MEASURE_SAVING = "saving.measure_saving"
    MEASURE_STANDING = "standing.measure_standing"
    OPEN_BRIEFS = "briefs.open_briefs"
    ASK_VARIETY = "variety.ask_variety"
    FIND_PERSPECTIVES = "perspectives.find_perspectives"
    FIND_MANIPULATION = "manipulation.find_manipulation"
    REFRESH_TRAITS = "traits.refresh_traits"
    FOLLOW_CAMPAIGNS = "campaigns.follow_campaigns"
    ADVANCE_TREES = "trees.advance_trees"
    SCHEDULE_UNITS = "scheduling.schedule_units"
    MEASURE_COVERAGE = "coverage.measure_coverage"
    SWEEP_LEASES = "work.sweep_leases"
    SUMMARIZE_QUEUES = "work.summarize_queues"
    BUILD_RELEASES = "releases.build_releases"
    PLAN_RELEASES = "releases.plan_releases"
    INDEX_MESSAGES = "search.index_messages"
    EMBED_TEXTS = "vectors.embed_texts"
    EMBED_BY_SERVERS = "vectors.embed_by_servers"
    FIND_TOPICS = "topics.find_topics"
    CHECK_INTEGRITY = "operations.check_integrity"
    CLEAR_SESSIONS = "operations.clear_sessions"
    REMOVE_GUESTS = "operations.remove_guests"
    RUN_SIMULATIONS = "simulations.run_simulations"


class AuditAction(StrEnum):
    CAMPAIGN_CREATED = "campaign.created"
    CAMPAIGN_CHANGED = "campaign.changed"
    CAMPAIGN_STATE_CHANGED = "campaign.state_changed"
    GUIDELINE_PUBLISHED = "guideline.published"
    LABEL_SCHEMA_PUBLISHED = "label_schema.published"
    MEMBER_ADDED = "member.added"
    MEMBER_CHANGED = "member.changed"
    MEMBER_REMOVED = "member.removed"
    ANNOTATOR_SUSPENDED = "annotator.suspended"
    ANNOTATOR_REINSTATED = "annotator.reinstated"
    MESSAGE_REMOVED = "message.removed"
    MESSAGE_RESTORED = "message.restored"
    MESSAGE_EDITED = "message.edited"
    TREE_HALTED = "tree.halted"
    TREE_RESTARTED = "tree.restarted"
    REPORTS_HANDLED = "reports.handled"
    REVISION_DECIDED = "revision.decided"
    BRIEF_CHANGED = "brief.changed"
    TOPIC_CHANGED = "topic.changed"
    GOLD_ADDED = "gold.added"
    GOLD_RETIRED = "gold.retired"
    FINDING_UPHELD = "finding.upheld"
    FINDING_DISMISSED = "finding.dismissed"
    IMPORT_STARTED = "import.started"
    GENERATOR_CHANGED = "generator.changed"
    GENERATION_REQUESTED = "generation.requested"
    GENERATION_CANCELLED = "generation.cancelled"
    GENERATION_RETRIED = "generation.retried"
    RELEASE_REQUESTED = "release.requested"
    RELEASE_WITHDRAWN = "release.withdrawn"
    TOKEN_CREATED = "token.created"  # noqa: S105  (a word, not a secret)
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    USER_CREATED = "user.created"


class PersonalDataKind(StrEnum):
    """What a scan for personal data looks for; counted on the card of a release."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    IBAN = "iban"
    IP_ADDRESS = "ip_address"
    SSN = "ssn"


class ReleaseTable(StrEnum):
    """The tables of a release; each is a file in every format, named after its table."""

    BALLOTS = "ballots"
    LABELS = "labels"
    TREES = "trees"
    PREFERENCE_PAIRS = "preference_pairs"
    GENERATORS = "generators"


class Outcome(StrEnum):
    """What an annotator did with a piece of work: an opinion, the honest statement that there is none, or a skip."""

    JUDGED = "judged"
    CANNOT_TELL = "cannot_tell"
    SKIPPED = "skipped"
