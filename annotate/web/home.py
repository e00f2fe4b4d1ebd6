"""The first page, how it works, and the terms."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path

from annotate.services.terms import get_current_terms
from annotate.web.pages import PageRequest, page, render_page


@page("GET")
def home(request: PageRequest) -> HttpResponse:
    """What is needed, for whoever takes part; what this is, for everybody else."""
    return about(request)


@page("GET")
def about(request: PageRequest) -> HttpResponse:
    """What this is and how it works."""
    return render_page(request, "home/about.html")


@page("GET")
def terms(request: PageRequest) -> HttpResponse:
    """The terms in force."""
    return render_page(request, "home/terms.html", {"terms": get_current_terms()})


urlpatterns = [
    path("", home, name="home"),
    path("about/", about, name="about"),
    path("terms/", terms, name="terms"),
]
