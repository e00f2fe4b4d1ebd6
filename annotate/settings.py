"""Every setting, read from the environment through `annotate.environment`, which refuses wrong ones.

Without DATABASE_URL and REDIS_URL the addresses are those of the embedded run on CHORUS_DATA
(`annotate/embedded/places.py`); with both, of the servers that they name.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from annotate.embedded.places import LONGEST_SOCKET, LONGEST_SOCKET_NAME, find_places
from annotate.environment import Environment, check_redis_url, parse_database_url, parse_email_url

BASE_DIR = Path(__file__).resolve().parent.parent

ENVIRONMENT = Environment(os.environ)
env = ENVIRONMENT

# --- Where things are -------------------------------------------------------------------------
DATA_DIR = env.folder(
    "CHORUS_DATA", "The folder of everything that a run keeps: engines, uploads, releases, logs, secrets.",
    default=BASE_DIR / "data",
)  # fmt: skip
_run_folder = env.text("CHORUS_RUN_DIR", "A short private folder for the embedded engines' sockets.")
if _run_folder and (not Path(_run_folder).is_absolute() or any(c in _run_folder for c in " %?#,'\"\\")):
    raise ImproperlyConfigured(
        f"CHORUS_RUN_DIR is {_run_folder!r}: write an absolute path of letters, digits, dots, dashes and slashes."
    )
if len(os.fsencode(_run_folder)) + 1 + len(LONGEST_SOCKET_NAME) > LONGEST_SOCKET:
    raise ImproperlyConfigured(
        f"CHORUS_RUN_DIR is {len(os.fsencode(_run_folder))} bytes long: the path of a socket must not be longer than "
        f"{LONGEST_SOCKET} bytes, so name a folder of at most {LONGEST_SOCKET - 1 - len(LONGEST_SOCKET_NAME)} bytes."
    )
PLACES = find_places(data=DATA_DIR, run_folder=_run_folder)

_database_url = env.secret("DATABASE_URL", "PostgreSQL 18 with the extension vector; not set: the embedded one.")
_redis_url = env.secret("REDIS_URL", "A Redis or Valkey server; not set: the embedded one.")
if bool(_database_url) != bool(_redis_url):
    _set, _missing = ("DATABASE_URL", "REDIS_URL") if _database_url else ("REDIS_URL", "DATABASE_URL")
    raise ImproperlyConfigured(
        f"{_set} is set and {_missing} is not: set both to use your servers, or neither to start the embedded ones."
    )
EMBEDDED = not _database_url
REDIS_URL = check_redis_url(_redis_url or PLACES.redis_url)

UPLOAD_DIR = DATA_DIR / "uploads"
RELEASE_DIR = DATA_DIR / "releases"
MAIL_DIR = PLACES.mail

# --- Who we are on the network ----------------------------------------------------------------
PORT = env.integer("CHORUS_PORT", "The port of the web server.", default=8000, lowest=1, highest=65535)
HOST = env.text("CHORUS_HOST", "The address that the web server listens on.", default="127.0.0.1")
_public = env.web_address(
    "CHORUS_PUBLIC_URL", "The address under which people reach the site.", default=f"http://localhost:{PORT}"
)
PUBLIC_URL = _public.geturl().rstrip("/")
HTTPS = _public.scheme == "https"
ALLOWED_HOSTS = [
    *dict.fromkeys([_public.hostname or "", "localhost", "127.0.0.1", "[::1]"]),
    *env.hosts("CHORUS_ALLOWED_HOSTS", "More host names, separated by commas, under which the site answers."),
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
#: How many proxies of ours stand before the web server; what they add to X-Forwarded-For is believed.
TRUSTED_PROXIES = env.integer(
    "CHORUS_TRUSTED_PROXIES", "How many proxies stand before the web server.", default=0, lowest=0, highest=9
)

# --- Secrets ----------------------------------------------------------------------------------
SECRET_KEY = env.secret("SECRET_KEY", "Signs sessions and forms; the embedded run makes one in its data folder.")
if not SECRET_KEY and EMBEDDED:
    # Made by whatever starts the engines; a command that starts none gets a key for its own life.
    SECRET_KEY = (
        PLACES.secret_key.read_text(encoding="ascii").strip()
        if os.access(PLACES.secret_key, os.R_OK)
        else secrets.token_urlsafe(50)
    )
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set: set it, or SECRET_KEY_FILE, to 50 random characters or more.")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY is shorter than 32 characters: set it to 50 random characters or more.")
SECRET_KEY_FALLBACKS = [
    key
    for key in [env.secret("SECRET_KEY_FALLBACK", "The former SECRET_KEY, while sessions signed with it live on.")]
    if key
]

# --- The application --------------------------------------------------------------------------
DEBUG = env.boolean("CHORUS_DEBUG", "Django's debug pages; never on a public site.", default=False)
PROCESS = env.choice(
    "CHORUS_PROCESS", "Which process this is; the supervisor and the compose file set it.",
    default="command", allowed={"web", "worker", "generate", "beat", "command"},
)  # fmt: skip

INSTALLED_APPS = [
    "annotate",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "allauth",
    "allauth.account",
]

MIDDLEWARE = [
    "annotate.web.request_ids.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "annotate.web.security.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "annotate.web.bodies.BodyLengthMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "annotate.sessions.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "annotate.urls"
WSGI_APPLICATION = "annotate.wsgi.application"
AUTH_USER_MODEL = "annotate.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Database ---------------------------------------------------------------------------------
_address = parse_database_url(_database_url or PLACES.database_url)
_pool_max = env.integer(
    "CHORUS_DATABASE_POOL", "The most connections that one process keeps to PostgreSQL.",
    default=8, lowest=1, highest=100,
)  # fmt: skip
#: Milliseconds. A web request that waits longer than this is better refused; jobs and commands may compute.
_TIMEOUTS = {
    "web": {"statement_timeout": 15_000, "lock_timeout": 5_000, "idle_in_transaction_session_timeout": 30_000},
    "command": {"statement_timeout": 0, "lock_timeout": 0, "idle_in_transaction_session_timeout": 0},
}
_JOB_TIMEOUTS = {"statement_timeout": 600_000, "lock_timeout": 30_000, "idle_in_transaction_session_timeout": 120_000}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _address.name,
        "USER": _address.user,
        "PASSWORD": _address.password,
        "HOST": _address.host,
        "PORT": _address.port,
        "CONN_MAX_AGE": 0,  # the pool keeps them
        "CONN_HEALTH_CHECKS": True,  # a connection that died with its server is replaced, not handed out
        "DISABLE_SERVER_SIDE_CURSORS": False,
        "OPTIONS": {
            **_address.options,
            "pool": {
                "min_size": min(2, _pool_max) if PROCESS == "web" else 0,
                "max_size": _pool_max,
                "timeout": 10,  # seconds a request waits for a connection
                "max_lifetime": 3600,
                "max_idle": 300,
                "reconnect_timeout": 10,
            },
            # Hot statements are prepared on their third use; the pool hands connections back as they are.
            "server_side_binding": True,
            "prepare_threshold": 2,
            "application_name": f"chorus-{PROCESS}",
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "options": " ".join(f"-c {name}={value}" for name, value in _TIMEOUTS.get(PROCESS, _JOB_TIMEOUTS).items()),
        },
    }
}

# --- Valkey: cache, rate limits, broker -------------------------------------------------------
CACHES = {"default": {"BACKEND": "annotate.cache.OpenRedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "chorus-cache"}}

# --- People -----------------------------------------------------------------------------------
SESSION_ENGINE = "annotate.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "annotate.web.errors.csrf_failed"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
#: Pages of django-allauth, used for accounts alone; what is ours of them is in annotate.web.account_*.
ACCOUNT_ADAPTER = "annotate.web.account_adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "annotate.web.account_forms.SignInForm",
    "signup": "annotate.web.account_forms.SignUpForm",
    "request_login_code": "annotate.web.account_forms.CodeRequestForm",
    "confirm_login_code": "annotate.web.account_forms.SignInCodeForm",
    "confirm_email_verification_code": "annotate.web.account_forms.AddressCodeForm",
    "add_email": "annotate.web.account_forms.AddressForm",
    "change_email": "annotate.web.account_forms.OtherAddressForm",
    "change_password": "annotate.web.account_forms.PasswordChangeForm",
    "set_password": "annotate.web.account_forms.FirstPasswordForm",
    "reset_password": "annotate.web.account_forms.ResetForm",
    "confirm_password_reset_code": "annotate.web.account_forms.ResetCodeForm",
    "reset_password_from_key": "annotate.web.account_forms.NewPasswordForm",
    "reauthenticate": "annotate.web.account_forms.AgainForm",
    "request_reauthentication_code": "annotate.web.account_forms.AgainCodeRequestForm",
    "confirm_reauthentication_code": "annotate.web.account_forms.AgainCodeForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
#: Codes instead of links: they work when the mail is read on another device, and lead nobody elsewhere.
ACCOUNT_LOGIN_BY_CODE_ENABLED = ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # for a change of address; at sign-in where VERIFY_ADDRESSES says so
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- Mail -------------------------------------------------------------------------------------
_email_url = env.secret(
    "CHORUS_EMAIL_URL", "The mail server: smtps://user:password@host, or smtp:// for STARTTLS; not set: a folder."
)
if _email_url:
    _mail = parse_email_url(_email_url)
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
    EMAIL_USE_SSL, EMAIL_USE_TLS = _mail.implicit_tls, _mail.starttls
    EMAIL_TIMEOUT = 10
else:
    EMAIL_BACKEND = "annotate.web.mail.FolderBackend"
DEFAULT_FROM_EMAIL = env.text(
    "CHORUS_EMAIL_FROM", "The sender of mail.", default=f"Chorus <chorus@{_public.hostname or 'localhost'}>"
)
VERIFY_ADDRESSES = env.boolean(
    "CHORUS_EMAIL_VERIFICATION", "1: an address is confirmed before its account is used; 0: it may be, later.",
    default=bool(_email_url),
)  # fmt: skip

# --- Security ---------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Only where a proxy of ours says how it was reached: else every request would look like http, and lead to itself.
SECURE_SSL_REDIRECT = HTTPS and TRUSTED_PROXIES > 0
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
# A browser's built-in list keeps a domain for months, and all its subdomains: only who runs the site may ask for that.
SECURE_HSTS_PRELOAD = env.boolean(
    "CHORUS_HSTS_PRELOAD", "1: an https site lets browsers list its domain as https for good; 0: it does not.",
    default=False,
) and HTTPS  # fmt: skip
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # it asks for the list
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS and TRUSTED_PROXIES else None
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}

# --- Language and time ------------------------------------------------------------------------
LANGUAGE_CODE = "en"
#: Languages of the interface, each by its own name. What people work in is another matter.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "annotate" / "locale"]
# Formats of dates and numbers that a language of ours sets otherwise than Django does.
FORMAT_MODULE_PATH = "annotate.locale"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# --- Static files -----------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = env.folder(
    "CHORUS_STATIC", "Where collectstatic puts the files that the site serves.", default=DATA_DIR / "static"
)
STATIC_COLLECTED = (
    env.choice(
        "CHORUS_STATIC_FILES", "collected: serve what collectstatic made; live: straight from their sources.",
        default="collected", allowed={"collected", "live"},
    ) == "collected"
)  # fmt: skip
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": UPLOAD_DIR}},
    "staticfiles": {
        "BACKEND": "annotate.web.static_storage.ModuleStaticFilesStorage"
        if STATIC_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not STATIC_COLLECTED

# --- API --------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotate.api.authentication.BearerAuthentication",
        "annotate.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["annotate.api.permissions.ScopePermission"],
    "DEFAULT_THROTTLE_CLASSES": ["annotate.api.throttles.CallThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["annotate.api.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "annotate.api.permissions.JsonAlone",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "annotate.api.schema.ChorusSchema",
    "EXCEPTION_HANDLER": "annotate.api.errors.answer_exception",
    "UNAUTHENTICATED_TOKEN": "annotate.api.authentication.anonymous_actor",
    "URL_FORMAT_OVERRIDE": None,
    "FORMAT_SUFFIX_KWARG": None,
    "NUM_PROXIES": TRUSTED_PROXIES,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Chorus",
    "DESCRIPTION": "An open commons for human feedback on language models.",
    "VERSION": "1.0.0",
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "DEFAULT_GENERATOR_CLASS": "drf_spectacular.generators.SchemaGenerator",
    "POSTPROCESSING_HOOKS": ["annotate.api.schema.add_shared_responses"],
    "SCHEMA_COERCE_PATH_PK_SUFFIX": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}
#: Calls that are taken before 429; 0 means no limit.
LIMIT_PERSON = env.integer(
    "CHORUS_LIMIT_PERSON", "API calls of one person in a minute; 0: no limit.",
    default=12_000, lowest=0, highest=10_000_000,
)  # fmt: skip
LIMIT_TOKEN = env.integer(
    "CHORUS_LIMIT_TOKEN", "API calls with one token in a minute; 0: no limit.",
    default=12_000, lowest=0, highest=10_000_000,
)  # fmt: skip
LIMIT_ADDRESS = env.integer(
    "CHORUS_LIMIT_ADDRESS", "API calls from one address in a minute; 0: no limit.",
    default=60_000, lowest=0, highest=10_000_000,
)  # fmt: skip
LIMIT_GUESTS = env.integer(
    "CHORUS_LIMIT_GUESTS", "New guests from one address in an hour; 0: no limit.",
    default=60, lowest=0, highest=10_000_000,
)  # fmt: skip
LIMIT_FAILURES = env.integer(
    "CHORUS_LIMIT_FAILURES", "Calls with tokens that are not valid from one address in a minute; 0: no limit.",
    default=120, lowest=0, highest=10_000_000,
)  # fmt: skip
GUEST_DAYS = env.integer(
    "CHORUS_GUEST_DAYS", "A guest who gave nothing in so many days is removed; 0: never.",
    default=30, lowest=0, highest=3_650,
)  # fmt: skip
MAX_IMPORT_BYTES = 2**20 * env.integer(
    "CHORUS_MAX_IMPORT_MIB", "The largest file, in MiB, that an import by API takes.",
    default=2048, lowest=1, highest=1_048_576,
)  # fmt: skip
OPEN_CAMPAIGNS = env.boolean(
    "CHORUS_OPEN_CAMPAIGNS", "1: whoever is signed in may create campaigns; 0: administrators alone.", default=True
)

# --- Logs -------------------------------------------------------------------------------------
_log_level = env.choice(
    "CHORUS_LOG_LEVEL", "How much is logged.", default="INFO", allowed={"DEBUG", "INFO", "WARNING", "ERROR"}
)
_log_format = env.choice("CHORUS_LOG_FORMAT", "json or text.", default="json", allowed={"json", "text"})
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "annotate.logs.RequestIdFilter"}},
    "formatters": {
        "json": {"()": "annotate.logs.JsonFormatter"},
        "text": {"()": "annotate.logs.TextFormatter", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": _log_format, "filters": ["request_id"]},
    },
    "root": {"handlers": ["stderr"], "level": _log_level},
    "loggers": {
        # Django's own handlers would print a second line, and mail nobody.
        "django": {"handlers": [], "propagate": True, "level": _log_level},
        "django.server": {"handlers": [], "propagate": True},
        "celery.beat": {"level": "WARNING"},  # it says each sweep that it sends
        "celery.worker.strategy": {"level": "WARNING"},  # "received"; "succeeded" follows
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}

# --- The embedded run -------------------------------------------------------------------------
WEB_WORKERS = env.integer("CHORUS_WEB_WORKERS", "Web processes of the run.", default=2, lowest=1, highest=64)
WEB_THREADS = env.integer("CHORUS_WEB_THREADS", "Threads of each web process.", default=4, lowest=1, highest=64)
WORKER_PROCESSES = env.integer("CHORUS_WORKER_PROCESSES", "Processes of the worker.", default=4, lowest=1, highest=64)
MODEL = env.text("CHORUS_MODEL", "A model with which the run generates candidates; see `manage.py generate`.")
DEMO = env.boolean("CHORUS_DEMO", "Make the demo campaign on the first run.", default=True)

# --- Read elsewhere ---------------------------------------------------------------------------
env.declare("CHORUS_REAL_DATA", "Tests: the folder of real data.")
env.declare("CHORUS_TEST_REQUIRE", "Tests: what must be there, and fails instead of skipping when missing.")
env.refuse_unknown()
