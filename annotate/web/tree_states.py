"""The states of a message tree, for whoever wants to know what becomes of what they write."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path

from annotate.web.pages import PageRequest, page, render_page
from annotate.web.tree_words import STATES
from tasks.scheduling.tree_states import TREE_STATES
from tasks.vocabulary import ENDED_TREES


@page("GET")
def tree_states(request: PageRequest) -> HttpResponse:
    """The table by which every tree moves: what leads into each state, what leads out, and where it may go."""
    rows = [
        {
            "state": state,
            "words": words,
            "is_end": state in ENDED_TREES,
            "next": [
                (following, STATES[following].name) for following in STATES if following in TREE_STATES[state].next
            ],
        }
        for state, words in STATES.items()
    ]
    return render_page(request, "trees/states.html", {"states": rows})


urlpatterns = [path("trees/states/", tree_states, name="tree_states")]
