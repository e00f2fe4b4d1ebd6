"""The Content-Security-Policy of every answer (Django 5.2 brings none of its own)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def policy_text(policy: Mapping[str, Sequence[str]]) -> str:
    """`{"script-src": ["'self'"]}` as the header writes it."""
    return "; ".join(f"{directive} {' '.join(sources)}" for directive, sources in policy.items())


class ContentSecurityPolicyMiddleware:
    """Sends the strict policy, unless the view has set one of its own on its response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, policy_text(settings.CONTENT_SECURITY_POLICY))
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response
