"""The pages of coverage in a browser: nothing that axe finds, in either theme, and nothing wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.handlers.wsgi import WSGIHandler
from django.utils import timezone
from playwright.sync_api import sync_playwright

from annotate.models import Brief, Campaign, CoverageCell, TargetShare, TargetStanding, Topic
from tasks.jobs.simulations import run_simulations_job
from tests.conftest import find_chromium
from tests.coverage_world import add_cell, add_report
from tests.loop import make_campaign, make_prompt
from tests.targets import find_places, make_prompts
from tests.web.organizing import come_as
from tests.web.widget_browser import serve_pages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

UNBROKEN, ARABIC = "Donaudampfschifffahrtsgesellschaftskapitän"[:80], "الصحة والتغذية والأدوية"
SCREENS = {"desk": (1280, 900), "narrow": (320, 700)}
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
TARGET = {
    "language": "en", "topic": "birds", "target": 100, "done": 20, "room": 500, "prompts": 50, "bare": 0, "people": 3,
    "able": 9, "week": 70, "can_be_met": True, "lags": ["on_the_way"], "forecast": None,
}  # fmt: skip
IN_CAMPAIGN = {
    "coverage": "coverage/",
    "coverage, chosen": "coverage/?language=de&length=short&all=1",
    "space": "coverage/space/",
    "topic": "coverage/space/topics/1/",
    "map": "coverage/map/",
    "map of a topic": "coverage/map/?topic=2",
    "simulator": "coverage/simulations/",
    "briefs": "briefs/",
}


@pytest.fixture
def site() -> Iterator[str]:
    with serve_pages(WSGIHandler()) as address:
        yield address


def make_world() -> tuple[Campaign, int]:
    """A campaign with everything that these pages show, and a prompt that somebody is asked to rank replies to."""
    campaign = make_campaign(languages=("en", "de", "ar"), topics=4)
    make_prompts(campaign)
    ranked = make_prompt(campaign, "Why do birds sing?", replies=3)
    find_places(campaign)
    for number, name in ((1, UNBROKEN), (2, ARABIC)):
        Topic.objects.filter(number=number).update(name=name, is_named=True)
    CoverageCell.objects.filter(topic__number=1).update(coverage=0.7, finished=3)
    add_cell(campaign, language="ar", difficulty=UNBROKEN[:40], share=0.2, prompts=0)
    behind = [{"cell": cell.pk, "why": "no_prompts", "lacks": 0.2} for cell in CoverageCell.objects.all()]
    for hours in (30, 3, 1):
        for language in (None, "en", "de"):
            at, result = timezone.now() - timedelta(hours=hours), {"behind": behind, "weights": {"prompts": 1.0}}
            add_report(campaign, 1 / hours, language=language, at=at, prompts=0.5, result=result)
    for axis, value in (("language", "de"), ("difficulty", UNBROKEN[:40]), ("tag", "code")):
        TargetShare.objects.create(campaign=campaign, axis=axis, value=value, share=0.2)
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    figures = dict.fromkeys(["coverage", "finished", "certainty", "agreement", "judgments"], figure)
    arms = [{"policy": policy, "prompts": 40, **figures} for policy in ("coverage", "uniform")]
    targets = [TARGET, {**TARGET, "topic": UNBROKEN, "lags": ["nobody"], "can_be_met": False, "forecast": None}]
    standing = {"targets": targets, "split": {"arms": arms, "difference": {}}}
    TargetStanding.objects.create(campaign=campaign, result=standing, measured_at=timezone.now())
    given = {"words": UNBROKEN, "why": {"prompts": 0, "wanted": 9}, "wanted": 9}
    Brief.objects.create(campaign=campaign, origin="scheduler", language="de", **given)
    return campaign, ranked.pk


def test_pages_of_coverage_are_read_by_everybody_on_every_screen(site) -> None:
    campaign, prompt = make_world()
    start = "/campaigns/birds/"
    client = come_as("administrator", campaign)
    wanted = {"policies": ["coverage", "uniform"], "annotators": "5", "days": "2", "runs": "2", "seed": "1"}
    asked = client.post(f"{start}coverage/simulations/", wanted)
    assert asked.status_code == 302
    run_simulations_job()
    addresses = {name: start + rest for name, rest in IN_CAMPAIGN.items()}
    addresses |= {"simulation": asked["Location"], "why": f"{start}messages/{prompt}/why/"}
    addresses |= {"oneself": "/me/description/", "topics one likes": "/me/topics/birds/"}
    # While it runs, Django takes this thread for an asynchronous one and keeps it from the database.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        wrong = []
        for screen, (width, height) in SCREENS.items():
            context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
            context.add_cookies(
                [{"name": name, "value": one.value, "url": site} for name, one in client.cookies.items()]
            )
            page = context.new_page()
            for name, address in addresses.items():
                page.emulate_media(color_scheme="light")
                answer = page.goto(site + address)
                found = [
                    f"{each['id']} {each['nodes'][0]['html'][:90]}" for each in Axe().run(page).response["violations"]
                ]
                page.emulate_media(color_scheme="dark")
                found += [each["id"] for each in Axe().run(page, options=COLOURS).response["violations"]]
                found += ["too wide"] if page.evaluate("document.documentElement.scrollWidth > innerWidth") else []
                found += [str(answer.status)] if answer is None or answer.status != 200 else []
                wrong += [(name, screen, found)] if found else []
        browser.close()
    assert wrong == []
