"""Pages of work made from the real templates and made-up work, for browsers in tests: no database, no claims.

The views are other tests' matter; here stand the templates, styles and modules alone. `SITE` is a URL configuration.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import path
from django.utils.safestring import mark_safe
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie

ORDINALS = ["1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th"]
SKIP = [("not_my_topic", "Not my topic"), ("not_my_language", "Not my language"), ("other", "Something else")]
CANNOT_TELL = [("need_expertise", "I don’t know the subject"), ("all_alike", "They are all the same to me")]
REPLIES = [
    """<p>Soak the beans overnight in plenty of water, then boil them hard for ten minutes before you let them simmer.</p>
<p>Salt them from the start: it seasons them through, and the skins stay whole.</p>
<pre tabindex="0"><code>1 cup beans : 4 cups water : 1 tsp salt</code></pre>""",
    """<p>You do not need to soak them. Cover, bring to a boil, and wait about two hours.</p>
<ul><li>Old beans take longer.</li><li>Hard water makes the skins <strong>tough</strong>.</li></ul>""",
    """<p>Use a pressure cooker: 25 minutes for black beans, 35 for chickpeas.</p>
<table><thead><tr><th scope="col">Bean</th><th scope="col">Minutes</th></tr></thead>
<tbody><tr><td>Black</td><td>25</td></tr><tr><td>Chickpea</td><td>35</td></tr></tbody></table>""",
    "<p>Beans are seeds of several plants of the family Fabaceae, used as vegetables for people and animals.</p>" * 22,
    "<p>Buy them in a can. Rinse, warm, done.</p>",
    "<p>Simmer with a bay leaf and half an onion until a bean crushes between tongue and palate.</p>",
    "<p>Never add salt before the end.</p>",
    "<p>Slow cooker, low, eight hours. Boil red kidney beans first: raw ones make people ill.</p>",
]
THREAD = [
    {"role": "prompter", "html": "<p>I want to eat more beans. Which ones are easy?</p>", "is_last": False},
    {"role": "assistant", "html": "<p>Black beans and chickpeas forgive most mistakes.</p>", "is_last": False},
    {
        "role": "prompter",
        "html": "<p>How do I cook dried ones so that they are soft but whole? Mine are always either.</p>",
        "is_last": True,
    },
]
GUIDELINE = {
    "id": 1,
    "version": 3,
    "html": "<p>Better means: it answers what was asked, is true, and can be followed. Length alone is not quality.</p>",
    "examples": [
        {
            "title": "A short answer that is right",
            "prompt_html": "<p>Is rhubarb a fruit?</p>",
            "better_html": "<p>No, a vegetable; kitchens treat it as a fruit.</p>",
            "worse_html": "<p>Rhubarb has been grown for thousands of years.</p>",
            "why_html": "<p>The second does not answer.</p>",
        }
    ],
}


def candidates(n: int) -> list[dict[str, Any]]:
    return [
        {"handle": "abcdefgh"[i], "letter": "ABCDEFGH"[i], "html": REPLIES[i], "is_long": i == 3, "place": None}
        for i in range(n)
    ]


def question(name: str, title: str, keys: str, na: str, **more: Any) -> dict[str, Any]:
    anchors = ["Does not", "Touches on it", "In part", "Mostly", "Fully"]
    answers = [{"field": f"{i / 4:g}", "title": anchors[i], "key": keys[i]} for i in range(5)]
    return {"name": name, "title": title, "widget": "scale", "answers": answers, "na_key": na, "value": None, **more}


def make_work(kind: str = "rank", n: int = 4, **more: Any) -> dict[str, Any]:
    """What a view hands to the templates."""
    work: dict[str, Any] = {
        "id": 7,
        "url": "/work/7/",
        "kind": kind,
        "title": "Rank replies",
        "heading": f"Rank {n} replies",
        "campaign": {"slug": "everyday", "title": "Everyday questions"},
        "language": "en",
        "purpose": "",
        "ranks_prompts": False,
        "reason": "English, cooking: 3 of 40 rankings so far.",
        "minutes": 3,
        "lease_seconds_left": 1800,
        "state": "live",
        "draft_version": 0,
        "saved_seconds": None,
        "active_seconds": 0,
        "thread": THREAD,
        "candidates": candidates(n),
        "places": ORDINALS[:n],
        "acceptable_tiers": "",
        "rationale": "",
        "rationale_required": False,
        "preference": "",
        "both_bad": False,
        "texts": [],
        "brief": None,
        "original_html": "",
        "text_language": "en",
        "languages": [{"code": "en", "name": "English"}, {"code": "de", "name": "Deutsch"}],
        "limits": {"least": None, "most": 4000},
        "guideline": GUIDELINE,
        "skip_reasons": [{"value": value, "title": title} for value, title in SKIP],
        "cannot_tell_reasons": [{"value": value, "title": title} for value, title in CANNOT_TELL],
        "problems": {},
        "labels": [],
        "flags": [],
        "flags_after": 0,
    }
    if kind == "compare":
        work |= {"candidates": candidates(2), "cannot_tell_reasons": work["cannot_tell_reasons"]}
    if kind == "label":
        spam = {
            "name": "spam",
            "title": "Is this spam?",
            "widget": "yes_no",
            "mandatory": True,
            "value": None,
            "na_key": "",
        }
        spam["answers"] = [{"field": "no", "title": "No", "key": "1"}, {"field": "yes", "title": "Yes", "key": "2"}]
        work["labels"] = [
            spam,
            question("answers", "Does it answer the question?", "qwert", "y"),
            question("true", "Is it true?", "ghjkl", "m", value="na"),
        ]
        work["flags_after"] = len(work["labels"])
        work["flags"] = [
            {"name": "pii", "title": "Does it contain personal data of a real person?", "key": "6", "value": None},
            {"name": "harm", "title": "Could do harm", "key": "7", "value": None},
        ]
        work["cannot_tell_reasons"] = []
    if kind == "write_assistant_reply":
        work["cannot_tell_reasons"] = []
        work |= {"texts": [{"name": "text", "title": "Your reply", "value": more.pop("text", "")}], "signals": {}}
    work |= more
    places = {c["handle"]: c["place"] for c in work["candidates"]}
    return work | {
        "shown": " ".join(places),
        "arranged": " ".join(f"{handle}{place or ''}" for handle, place in places.items()),
    }


NONE = {
    "title": "No work in Hausa for you now",
    "sentence": "12 prompts in Hausa wait for two reviewers other than their author. You have reviewed all you may.",
    "instead": [
        {"title": "Review in English", "url": "/", "count": "41 prompts wait", "note": "You work in English too"}
    ],
}
ENDED = {
    "title": "This campaign closed while you were writing",
    "sentence": "Your text is safe: you can copy it here. Nothing more is taken in this campaign.",
    "text": "Beans, soaked overnight.\n\nThen boiled.",
    "next_url": "/",
}
CONFLICT = {
    "draft_version": 5,
    "theirs": {"text": "Written over there.", "lines": []},
    "yours": {"text": "Written here.", "lines": []},
}

#: What `/work/7/` shows, and what the last submit carried; tests set and read them.
SHOWN: dict[str, Any] = {"context": {"work": make_work()}, "sent": [], "answer": None}


def answer_page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    work = context.get("work")
    if work:  # what the parts of the page that are remembered depend on
        work["shown"] = " ".join(candidate["handle"] for candidate in work["candidates"])
        work["arranged"] = " ".join(f"{each['handle']}{each['place'] or ''}" for each in work["candidates"])
    context = {"title": next(shown["title"] for shown in context.values() if "title" in (shown or ())), **context}
    template = "work/_work.html" if request.headers.get("HX-Request") else "work/show.html"
    return render(request, template, context, status=status)


@ensure_csrf_cookie
def show(request: HttpRequest, work_id: int) -> HttpResponse:
    return answer_page(request, SHOWN["context"])


@csrf_exempt
def submit(request: HttpRequest, work_id: int) -> HttpResponse:
    sent = [[name, value] for name in request.POST for value in request.POST.getlist(name)]
    SHOWN["sent"].append(
        [
            pair
            for pair in sent
            if pair[0] not in {"csrfmiddlewaretoken", "active_seconds", "typed_chars", "pasted_chars"}
        ]
    )
    if SHOWN["answer"] is not None:
        return SHOWN["answer"](request)
    if not request.headers.get("HX-Request"):
        return redirect("work", work_id)
    stored = {"sentence": "Your ranking is stored: A, then B and C, then D.", "undo_url": "/judgments/1/undo/"}
    return answer_page(request, {"work": make_work(id=8), "stored": stored})


@csrf_exempt
def undo(request: HttpRequest, judgment_id: int) -> HttpResponse:
    work = make_work()
    for candidate, place in zip(work["candidates"], (1, 2, 2, 3), strict=True):
        candidate["place"] = place
    return answer_page(request, {"work": work | {"acceptable_tiers": 2, "saved_seconds": 4}})


@csrf_exempt
def save(request: HttpRequest, work_id: int) -> HttpResponse:
    version = int(request.POST.get("draft_version", 0)) + 1
    state = SHOWN["context"]["work"]["state"]
    left = 1800 if state == "live" else None
    return JsonResponse({"draft_version": version, "lease_seconds_left": left, "state": state})


@csrf_exempt
def preview(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"<p><strong>{len(request.POST['text'])}</strong></p>")


@csrf_exempt
def check(request: HttpRequest, work_id: int) -> HttpResponse:
    return render(request, "work/_checked.html", {"work": make_work()})


def conflict_answer() -> str:
    html = render_to_string("work/_conflict.html", {"conflict": CONFLICT})
    return json.dumps({"code": "draft_conflict", "message": "", "draft_version": 5, "html": html})


def elsewhere(request: HttpRequest, **parts: Any) -> HttpResponse:
    return HttpResponse("<!doctype html><title>Elsewhere</title><p>Elsewhere</p>")


for _turn in THREAD:
    _turn["html"] = mark_safe(_turn["html"])
REPLIES[:] = [mark_safe(reply) for reply in REPLIES]
GUIDELINE["html"] = mark_safe(GUIDELINE["html"])
for _example in GUIDELINE["examples"]:
    _example |= {k: mark_safe(v) for k, v in _example.items() if k.endswith("html")}

urlpatterns = [
    path("work/<int:work_id>/", show, name="work"),
    path("work/<int:work_id>/submit/", submit, name="submit_work"),
    path("work/<int:work_id>/draft/", save, name="save_draft"),
    path("work/<int:work_id>/check/", check, name="check_work"),
    path("work/<int:work_id>/renew/", save, name="renew_work"),
    path("judgments/<int:judgment_id>/undo/", undo, name="undo"),
    path("preview/", preview, name="preview_text"),
    path("", elsewhere, name="home"),
    *[
        path(f"{name}/", elsewhere, name=name)
        for name in ("about", "terms", "campaigns", "me", "account_login", "set_interface_language", "docs")
    ],
]
