"""Links in people's texts: a page that names where one leads, and asks. And the preview of a text."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from annotate.access import require_annotator
from annotate.exceptions import InvalidInput
from annotate.figures import whole
from annotate.limits import take_preview
from annotate.rendering import render_unkept
from annotate.web.pages import Needs, PageRequest, page, render_page
from tasks.text.markdown.links import Target, find_target
from tasks.text.markdown.render import MAX_MARKDOWN_CHARS


@page("GET")
def away(request: PageRequest) -> HttpResponse:
    """Where a link leads, before anybody goes there. Nothing is asked of that place."""
    target = read_target(request.GET.get("to", ""))
    return render_page(request, "away/ask.html", {"target": target, "back": find_way_back(request)})


@page("POST", needs=Needs.ANNOTATOR)
def preview_text(request: PageRequest) -> HttpResponse:
    """The posted text as its readers will see it: what goes into an element of the class `prose`."""
    text = request.POST.get("text", "")
    if len(text) > MAX_MARKDOWN_CHARS:
        sentence = _("A preview shows at most {most} characters. Your text is safe where you wrote it.")
        raise InvalidInput(sentence.format(most=whole(MAX_MARKDOWN_CHARS)), code="text_too_long")
    take_preview(annotator_id=require_annotator(request.actor))
    return render_page(request, "away/_preview.html", {"prose": render_unkept(text), "blank": not text.strip()})


def read_target(address: str) -> Target:
    """The place that an address names, or a refusal."""
    target = find_target(address)
    if target is None:
        sentence = _("This link leads nowhere that we can name, so it is not offered. Go back and read on.")
        raise InvalidInput(sentence, code="bad_address")
    return target


def find_way_back(request: PageRequest) -> str:
    """The page of ours that the link stood on, or the first page."""
    came_from = request.META.get("HTTP_REFERER", "")
    ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure())
    return came_from if ours else reverse("home")


urlpatterns = [
    path("away/", away, name="away"),
    path("preview/", preview_text, name="preview_text"),
]
