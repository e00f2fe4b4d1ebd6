"""Campaigns: which there are."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path

from annotate.web.pages import PageRequest, page, render_page


@page("GET")
def campaigns(request: PageRequest) -> HttpResponse:
    """Every campaign that this person may see."""
    return render_page(request, "campaigns/list.html")


urlpatterns = [path("campaigns/", campaigns, name="campaigns")]
