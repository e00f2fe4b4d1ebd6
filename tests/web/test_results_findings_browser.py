"""The pages of findings in a browser: nothing that axe finds, in either theme, and nothing wider than the screen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.handlers.wsgi import WSGIHandler
from playwright.sync_api import sync_playwright

from tasks.vocabulary import FindingKind
from tests.conftest import CHROMIUM_NAMES
from tests.findings import find_kind
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank
from tests.web.organizing import come_as
from tests.web.widget_browser import serve_pages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

SCREENS = {"desk": (1280, 900), "phone": (390, 800), "narrow": (320, 700)}


@pytest.fixture
def site() -> Iterator[str]:
    with serve_pages(WSGIHandler()) as address:
        yield address


def test_findings_are_read_by_everybody_on_every_screen(site) -> None:
    campaign, people = make_campaign(), make_annotators(9)
    row = add_candidates(
        make_prompt(campaign, "Why is the sky blue over the sea and red in the evening?"), "A x", "B x"
    )
    judgment = rank(people[0], row[0].parent, *[[one] for one in row], active_seconds=2.4)
    findings = [
        find_kind(campaign, one, kind, strength=6 + at, judgments=[judgment.pk], others=people[7:])
        for at, (one, kind) in enumerate(zip(people, FindingKind, strict=False))
    ]
    client = come_as("administrator", campaign)
    client.post(f"/campaigns/birds/results/findings/{findings[0].pk}/", {"do": "uphold", "reason": "Dice."})
    addresses = {
        "list": "", "none": "?state=dismissed", "one": f"{findings[4].pk}/", "upheld": f"{findings[0].pk}/",
    }  # fmt: skip
    path = next(found for name in CHROMIUM_NAMES if (found := shutil.which(name)))
    # While it runs, Django takes this thread for an asynchronous one and keeps it from the database.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        wrong = []
        for screen, (width, height) in SCREENS.items():
            context = browser.new_context(viewport={"width": width, "height": height})
            context.add_cookies(
                [{"name": name, "value": one.value, "url": site} for name, one in client.cookies.items()]
            )
            page = context.new_page()
            for (name, address), theme in product(addresses.items(), ("light", "dark")):
                page.emulate_media(color_scheme=theme)
                page.goto(f"{site}/campaigns/birds/results/findings/{address}")
                found = [each["id"] for each in Axe().run(page).response["violations"]]
                too_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
                wrong += [(name, screen, theme, found, too_wide)] if found or too_wide else []
        browser.close()
    assert wrong == []
