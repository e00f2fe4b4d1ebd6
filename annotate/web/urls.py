"""Addresses of the pages, from one module for each part; each exposes `urlpatterns`."""

from django.urls import URLPattern, URLResolver, include, path

PARTS = ("home", "campaigns", "me", "account", "away", "work")

urlpatterns: list[URLPattern | URLResolver] = [path("", include(f"annotate.web.{part}")) for part in PARTS]
