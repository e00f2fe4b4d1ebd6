"""The API refuses, and says why, in the language that is asked for; what is stored stays as it is."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from annotate.models import Campaign, UnitDetail
from annotate.queries.eligibility import CLAUSES
from tests.api.helpers import details
from tests.loop import make_campaign, make_prompt, ranking_of

API = "/api/v1/"
GERMAN = {"Accept-Language": "de"}
pytestmark = pytest.mark.django_db

SAID = {
    "You hold no such work. Ask for the next piece.": "Das haben Sie nicht in Arbeit.",
    "This campaign is not open now, so it offers no new work. What you already hold can still be finished.": "Zu.",
    "Nobody has been asked about this yet.": "Danach wurde noch niemand gefragt.",
    "There is no candidate %(candidate)s in this work; the letters are %(candidates)s.": "%(candidate)s? Nur %(candidates)s.",
    "It has no guideline: tell annotators what you ask of them.": "Es fehlt die Anleitung.",
    "The campaign cannot open yet. %(reasons)s": "Noch nicht. %(reasons)s",
    (
        "%(where)s: %(done)s of %(target)s judgment so far.",
        "%(where)s: %(done)s of %(target)s judgments so far.",
    ): ("%(where)s: %(done)s von %(target)s Urteil.", "%(where)s: %(done)s von %(target)s Urteilen."),
}  # fmt: skip


@pytest.fixture(autouse=True)
def german(settings, tmp_path):
    """A catalogue with these few sentences."""
    catalog = Catalog(locale="de")
    for message, string in SAID.items():
        catalog.add(message, string)
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, catalog)
    settings.LOCALE_PATHS = [tmp_path]


@pytest.fixture
def campaign():
    campaign = make_campaign()
    make_prompt(campaign)
    return campaign


def ask(client, **headers):
    return client.post(f"{API}campaigns/birds/next/", None, format="json", headers=headers)


def test_a_refusal_is_said_in_the_language_that_is_asked_for(client_of_ada):
    answers = [
        client_of_ada.post(f"{API}assignments/99/submit/", {}, format="json", headers=headers)
        for headers in (GERMAN, {"Accept-Language": "fr, en;q=0.5"}, {})
    ]
    assert [answer.json()["error"]["message"] for answer in answers] == [
        "Das haben Sie nicht in Arbeit.",
        "You hold no such work. Ask for the next piece.",
        "You hold no such work. Ask for the next piece.",
    ]
    assert {answer.json()["error"]["code"] for answer in answers} == {"assignment_not_found"}


def test_a_refusal_with_values_keeps_them(client_of_ada, campaign):
    hold = ask(client_of_ada).json()["assignment"]
    body = ranking_of(hold) | {"tiers": [["z"]]}
    answer = client_of_ada.post(f"{API}assignments/{hold['id']}/submit/", body, format="json", headers=GERMAN)
    assert answer.json()["error"]["message"] == "'z'? Nur a, b, c, d."


def test_why_there_is_nothing_is_said_in_it_too(client_of_ada, campaign):
    Campaign.objects.update(state="paused")
    assert ask(client_of_ada, **GERMAN).json()["why_none"]["message"] == "Zu."


def test_why_this_work_is_said_to_each_in_their_language_and_kept_as_a_code(client_of_ada, campaign):
    assert ask(client_of_ada, **GERMAN).json()["assignment"]["reason"] == "Danach wurde noch niemand gefragt."
    assert ask(client_of_ada).json()["assignment"]["reason"] == "Nobody has been asked about this yet."
    assert UnitDetail.objects.get().reason_code == "first_judgment"


@pytest.mark.parametrize(("target", "said"), [("1", "en: 0 von 1 Urteil."), ("20", "en: 0 von 20 Urteilen.")])
def test_a_count_in_a_reason_takes_its_plural(client_of_ada, campaign, target, said):
    UnitDetail.objects.update(reason_code="stratum_thin", reason_args={"where": "en", "done": "0", "target": target})
    hold = ask(client_of_ada, **GERMAN).json()["assignment"]
    assert hold["reason"] == said


def test_what_a_campaign_lacks_is_said_in_it_in_the_message_and_the_details(administrator, campaign):
    Campaign.objects.update(state="draft", guideline=None)
    answer = administrator.patch(f"{API}campaigns/birds/", {"state": "open"}, format="json", headers=GERMAN)
    assert answer.json()["error"]["message"] == "Noch nicht. Es fehlt die Anleitung."
    assert details(answer) == {"guideline": ["Es fehlt die Anleitung."]}


def test_no_clause_says_anything_in_its_sql():
    assert [clause.name for clause in CLAUSES if str(clause.refusal) in clause.sql] == []
