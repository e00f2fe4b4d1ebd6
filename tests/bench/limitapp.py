"""A bare Django application that does the least one exchange needs: what the product's serving is measured against.

Session and user, CSRF, then in one transaction: read the held assignment, store the answer, close it, count the
item, take the next item by index, assign it. Nothing is checked beyond that. `DATABASE_URL` names its database.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

_url = urlsplit(os.environ.get("DATABASE_URL", ""))
SECRET_KEY = "x" * 50
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.bench.limitapp"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "tests.bench.limit_models",
]  # fmt: skip
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.lstrip("/"),
        "USER": _url.username or "",
        "HOST": parse_qs(_url.query).get("host", [""])[0],
        "CONN_MAX_AGE": 0,
        "OPTIONS": {"pool": {"min_size": 2, "max_size": 8, "timeout": 30}},
    }
}
LOGGING_CONFIG = None


def exchange(request: Any) -> Any:
    """Submit what is held, if anything, and take the next item."""
    from django.db import transaction
    from django.db.models import F
    from django.http import HttpResponse, JsonResponse
    from django.utils import timezone

    from tests.bench.limit_models.models import Answer, Assignment, Item

    if not request.user.is_authenticated:
        return HttpResponse(status=403)
    body = json.loads(request.body)
    with transaction.atomic():
        if body.get("assignment"):
            held = Assignment.objects.get(pk=body["assignment"], user=request.user, done=False)
            Answer.objects.create(assignment=held, item_id=held.item_id, user=request.user, payload=body["answer"])
            Assignment.objects.filter(pk=held.pk).update(done=True)
            Item.objects.filter(pk=held.item_id).update(state=0, n_answers=F("n_answers") + 1)
        item = Item.objects.filter(state=0).order_by("n_answers", "id").select_for_update(skip_locked=True)[:1].get()
        Item.objects.filter(pk=item.pk).update(state=1)
        expires = timezone.now() + timedelta(minutes=10)
        assignment = Assignment.objects.create(item=item, user=request.user, expires=expires)
    return JsonResponse({"assignment": assignment.pk, "payload": item.payload})


def ping(request: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse("ok")


def __getattr__(name: str) -> Any:
    if name == "urlpatterns":
        from django.urls import path

        return [path("exchange", exchange), path("healthz", ping)]
    if name == "application":
        from django.core.wsgi import get_wsgi_application

        return get_wsgi_application()
    raise AttributeError(name)
