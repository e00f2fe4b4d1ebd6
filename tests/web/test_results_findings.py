"""Findings are shown with their evidence to those who run the campaign, who decide; to nobody else."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Annotator, AuditEvent, Finding, User
from annotate.web.finding_words import HABITS, HONESTLY, TITLES, tell_finding, tell_strength
from annotate.web.lists import PAGE_SIZE
from tasks.vocabulary import FindingKind, FindingState
from tests.findings import EVIDENCE, find_kind
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank
from tests.web.organizing import come_as, make_person

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/results/findings/"


@pytest.fixture
def campaign():
    return make_campaign(allow_guests=False)


@pytest.fixture
def mo(campaign) -> Client:
    return come_as("moderator", campaign)


def main_of(client: Client, address: str = PAGE) -> str:
    page = client.get(address).content.decode()
    return unescape(page.split("<main", 1)[1].split("</main>", 1)[0])


@pytest.mark.parametrize("who", ["nobody", "annotator"])
@pytest.mark.parametrize("state", ["open", "closed"])
def test_nobody_else_sees_findings_not_even_when_the_campaign_is_closed(campaign, who, state) -> None:
    (ada,) = make_annotators(1)
    finding = find_kind(campaign, ada, FindingKind.RANDOM)
    campaign.state = state
    campaign.save()
    client = come_as(who, campaign)
    for address in (PAGE, f"{PAGE}{finding.pk}/"):
        response = client.get(address)
        assert (response.status_code in {302, 401, 403}, b"by chance" in response.content) == (True, False)
    response = client.post(f"{PAGE}{finding.pk}/", {"do": "uphold", "reason": "mine"})
    assert response.status_code in {302, 401, 403}
    assert Finding.objects.get().state == "open"


@pytest.mark.parametrize("who", ["moderator", "organizer", "administrator"])
@pytest.mark.parametrize("kind", FindingKind)
def test_each_kind_is_told_with_its_figures_and_what_honest_work_would_be(campaign, who, kind) -> None:
    ada, bob = make_annotators(2)
    finding = find_kind(campaign, ada, kind, others=[bob])
    for address in (PAGE, f"{PAGE}{finding.pk}/"):
        text = main_of(come_as(who, campaign), address)
        told = tell_finding(kind, finding.evidence)
        assert [one in text for one in (str(TITLES[kind]), told, f"Volunteer {ada.pk}")] == [True] * 3
        assert "3,100,000 would get this far by chance" in text
    assert f"Volunteer {bob.pk}" in text
    assert str(HONESTLY[kind]) in text


def test_no_word_accuses_anybody() -> None:
    said = [tell_finding(kind, EVIDENCE[kind]) for kind in FindingKind]
    said += [str(words) for table in (TITLES, HABITS, HONESTLY) for words in table.values()]
    assert not re.search(r"spam|cheat|fraud|fake|liar|abus|manipulat", " ".join(said).lower())


@pytest.mark.parametrize(
    ("kind", "evidence", "told"),
    [
        (FindingKind.POSITION, {}, "What was shown first came out best in 95 % of 40 rankings. Replies are shuffled each time, so it would be about 25 % whatever somebody thinks of them."),
        (FindingKind.POSITION, {"habit": "reversed", "expected": 0.0}, "Replies were ranked in the reverse of the order in which they were shown: 0.95 on average in 40 rankings, on a scale where 1 is always. Replies are shuffled each time, so it would be about 0 whatever somebody thinks of them."),
        (FindingKind.COPIED, {}, "Of 32 prompts that both ranked, 30 have the very same order, given later than the other person’s or at about the same time. Two people who agree as well as these two would give the same order in 12 %."),
        (FindingKind.SCRIPTED, {"n": 0}, "On 6 of 6 days with work, no pause lasted three hours."),
        (FindingKind.SCRIPTED, {"restless_days": 0}, "Of 90 gaps between two rankings, 99 % are as long as the ones before, to within a tenth; in honest work it is at most 40 %."),
    ],
)  # fmt: skip
def test_evidence_is_told_in_plain_words(kind, evidence, told) -> None:
    given = {**EVIDENCE[kind], **evidence}
    given["observed"] = 0.994 if kind == FindingKind.SCRIPTED else given["observed"]
    assert tell_finding(kind, given) == told


@pytest.mark.parametrize(
    ("strength", "told"), [(4.15, "14,000"), (5.0, "100,000"), (6.5, "3,100,000"), (9.0, "1,000,000,000"), (320.0, "1,000,000,000")]
)  # fmt: skip
def test_strength_is_told_as_how_seldom_honest_work_comes_so_far(strength, told) -> None:
    assert f"in {told}" in tell_strength(strength)


def test_the_strongest_comes_first_and_each_state_is_a_list_of_its_own(campaign, mo) -> None:
    people = make_annotators(4)
    weak = find_kind(campaign, people[0], FindingKind.RANDOM, strength=5)
    strong = find_kind(campaign, people[1], FindingKind.COPIED, strength=50)
    done = {"decided_at": timezone.now()}
    upheld = find_kind(campaign, people[2], FindingKind.HURRIED, state="upheld", **done)
    gone = find_kind(campaign, people[3], FindingKind.SCRIPTED, state="gone")
    find_kind(make_campaign("bees"), people[0], FindingKind.RANDOM)

    def listed(state: str) -> list[int]:
        return [int(pk) for pk in re.findall(r"/results/findings/(\d+)/", main_of(mo, f"{PAGE}?state={state}"))]

    asked = {state: listed(state) for state in ("open", "upheld", "dismissed", "gone", "nonsense")}
    assert asked == {
        "open": [strong.pk, weak.pk], "upheld": [upheld.pk], "dismissed": [], "gone": [gone.pk],
        "nonsense": [strong.pk, weak.pk],
    }  # fmt: skip
    assert "Nothing waits to be looked at" not in main_of(mo)
    Finding.objects.all().delete()
    assert "Nothing waits to be looked at" in main_of(mo)


def test_a_long_list_comes_in_parts(campaign, mo) -> None:
    for at, one in enumerate(make_annotators(PAGE_SIZE + 1)):
        find_kind(campaign, one, FindingKind.RANDOM, strength=100 - at)
    assert [len(re.findall(r"/results/findings/\d+/", main_of(mo, f"{PAGE}?part={part}"))) for part in (1, 2)] == [
        PAGE_SIZE,
        1,
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_as_many_statements_for_one_as_for_three(campaign, mo, count, django_assert_num_queries) -> None:
    bob, *people = make_annotators(1 + count)
    for one in people:
        find_kind(campaign, one, FindingKind.COPIED, others=[bob])
    mo.get(PAGE)
    with django_assert_num_queries(5):
        mo.get(PAGE)


@pytest.mark.parametrize("count", [1, 3])
def test_one_finding_takes_as_many_statements_with_one_ranking_as_with_three(
    campaign, mo, count, django_assert_num_queries
) -> None:
    ada, bob = make_annotators(2)
    prompts = [add_candidates(make_prompt(campaign, f"Why {at}?"), "A x", "B x") for at in range(count)]
    judgments = [rank(ada, row[0].parent, *[[one] for one in row], active_seconds=2.4).pk for row in prompts]
    finding = find_kind(campaign, ada, FindingKind.HURRIED, judgments=judgments, others=[bob])
    mo.get(f"{PAGE}{finding.pk}/")
    with django_assert_num_queries(5):
        text = main_of(mo, f"{PAGE}{finding.pk}/")
    assert [f"Why {at}?" in text for at in range(count)] == [True] * count
    assert text.count("2 seconds") == count


def test_rankings_that_show_it_lead_to_what_was_ranked(campaign, mo) -> None:
    (ada,) = make_annotators(1)
    first, second = add_candidates(make_prompt(campaign, "Why <b>?"), "A x", "B x")
    judgment = rank(ada, first.parent, [first], [second])
    finding = find_kind(campaign, ada, FindingKind.RANDOM, judgments=[judgment.pk, 10**9])
    page = mo.get(f"{PAGE}{finding.pk}/").content.decode()
    assert f"/campaigns/birds/results/consensus/{first.parent_id}/" in page
    assert "Why &lt;b&gt;?" in page


def test_people_are_told_by_the_name_they_gave_and_never_by_address(campaign, mo) -> None:
    ada, guest = make_annotators(2)
    ada.user = User.objects.create(email="ada@example.org", display_name="Ada <i>")
    ada.save()
    guest.device_hash = bytes(32)
    guest.save()
    find_kind(campaign, ada, FindingKind.COPIED, others=[guest])
    find_kind(campaign, guest, FindingKind.RANDOM)
    page = mo.get(PAGE).content.decode()
    assert [one in page for one in ("Ada &lt;i&gt;", f"Guest {guest.pk}", "ada@example.org")] == [True, True, False]


@pytest.mark.parametrize(("verb", "state"), [("uphold", "upheld"), ("dismiss", "dismissed")])
def test_a_moderator_decides_with_a_reason_and_is_told(campaign, mo, verb, state) -> None:
    (ada,) = make_annotators(1)
    finding = find_kind(campaign, ada, FindingKind.RANDOM)
    response = mo.post(f"{PAGE}{finding.pk}/", {"do": verb, "reason": "Read ten of them."}, follow=True)
    text = response.content.decode()
    assert response.redirect_chain == [(f"{PAGE}{finding.pk}/", 302)]
    assert [one in text for one in (f"The finding is {state}. It is in the audit.", "Read ten of them.")] == [True] * 2
    finding.refresh_from_db()
    assert (finding.state, finding.decided_by.email) == (state, "moderator@example.org")
    audit = come_as("organizer", campaign).get("/campaigns/birds/audit/").content.decode()
    assert f"{state} a finding" in audit


@pytest.mark.parametrize("verb", ["uphold", "dismiss"])
def test_without_a_reason_nothing_is_decided_and_the_page_says_what_is_missing(campaign, mo, verb) -> None:
    (ada,) = make_annotators(1)
    finding = find_kind(campaign, ada, FindingKind.RANDOM)
    response = mo.post(f"{PAGE}{finding.pk}/", {"do": verb, "reason": "  "})
    assert (response.status_code, Finding.objects.get().state) == (422, "open")
    assert b"Say in a few words why" in response.content


def test_what_went_away_meanwhile_is_refused_with_what_was_written_still_there(campaign, mo) -> None:
    (ada,) = make_annotators(1)
    finding = find_kind(campaign, ada, FindingKind.RANDOM)
    Finding.objects.update(state="gone")
    response = mo.post(f"{PAGE}{finding.pk}/", {"do": "uphold", "reason": "Read ten."})
    assert response.status_code == 409
    assert b"nothing to decide" in response.content


@pytest.mark.parametrize("pk", [1, 10**9, 10**25])
def test_a_finding_that_is_not_there_is_not_found(campaign, mo, pk) -> None:
    (ada,) = make_annotators(1)
    other = find_kind(make_campaign("bees"), ada, FindingKind.RANDOM)
    assert [mo.get(f"{PAGE}{each}/").status_code for each in (pk, other.pk)] == [404, 404]


def test_nobody_decides_about_their_own_work(campaign, mo) -> None:
    mine = Annotator.objects.get_or_create(user=make_person("moderator"))[0]
    finding = find_kind(campaign, mine, FindingKind.RANDOM)
    assert "Somebody else must decide" in main_of(mo, f"{PAGE}{finding.pk}/")
    assert mo.post(f"{PAGE}{finding.pk}/", {"do": "dismiss", "reason": "It is me."}).status_code == 403
    assert Finding.objects.get().state == "open"


def test_suspending_is_for_administrators_and_beside_it(campaign, mo) -> None:
    (ada,) = make_annotators(1)
    finding = find_kind(campaign, ada, FindingKind.RANDOM)
    address = f"{PAGE}{finding.pk}/"
    assert "Suspend the person" not in main_of(mo, address)
    assert mo.post(address, {"do": "suspend", "reason": "no"}).status_code == 403
    root = come_as("administrator", campaign)
    assert "Suspend the person" in main_of(root, address)
    assert root.post(address, {"do": "suspend", "reason": " "}).status_code == 422
    ada.refresh_from_db()
    assert ada.suspended_at is None
    root.post(address, {"do": "suspend", "reason": "A program."})
    ada.refresh_from_db()
    assert (ada.suspended_reason, Finding.objects.get().state) == ("A program.", "open")
    assert "Let them work again" in main_of(root, address)
    root.post(address, {"do": "reinstate", "reason": "It was a class."})
    ada.refresh_from_db()
    assert ada.suspended_at is None
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))[-2:] == [
        "annotator.suspended", "annotator.reinstated",
    ]  # fmt: skip


def test_a_decision_may_be_changed_on_the_same_page(campaign, mo) -> None:
    (ada,) = make_annotators(1)
    finding = find_kind(campaign, ada, FindingKind.RANDOM)
    address = f"{PAGE}{finding.pk}/"
    mo.post(address, {"do": "uphold", "reason": "Dice."})
    text = main_of(mo, address)
    assert ('value="dismiss"' in text, 'value="uphold"' in text) == (True, False)
    mo.post(address, {"do": "dismiss", "reason": "It was a class."})
    assert Finding.objects.get().state == FindingState.DISMISSED


@pytest.mark.parametrize("weighs", [True, False])
def test_the_page_says_what_upholding_does_here(campaign, mo, weighs) -> None:
    campaign.parameters["weigh_reliability"] = weighs
    campaign.save()
    (ada,) = make_annotators(1)
    finding = find_kind(campaign, ada, FindingKind.RANDOM)
    assert ("which starts at once" in main_of(mo, f"{PAGE}{finding.pk}/")) == weighs


def test_the_address_takes_no_other_method(campaign, mo) -> None:
    assert mo.post(PAGE).status_code == 405
