"""One site for all journeys, a Chromium for each module (its event loop must not outlive the module), windows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.journeys.browsers import PHONE, Window, open_chromium
from tests.journeys.site import Site, Volunteer

OpenWindow = Callable[..., Window]
FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        yield site.prepare()
    finally:
        site.end()


@pytest.fixture
def site(running_site: Site) -> Iterator[Site]:
    """The site, without the campaigns that other tests opened."""
    yield running_site
    running_site.close_campaigns()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, open_chromium(playwright) as browser:
        yield browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember on the test whether its body failed, so that its windows can tell what they show."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def open_window(browser: Browser, running_site: Site, request: pytest.FixtureRequest) -> Iterator[OpenWindow]:
    """Opens fresh browser profiles: `open_window(person, phone=True, java_script_enabled=False)`.

    When the test ends, no script of any of them has failed and nobody but the site was asked for anything.
    """
    opened: list[Window] = []

    def open_one(
        person: Volunteer | None = None, *, phone: bool = False, site: Site | None = None, **more: object
    ) -> Window:
        options = {**(PHONE if phone else {}), **({"session": person.session} if person else {}), **more}
        address = (site or running_site).address
        window = Window(browser, address, **options)
        opened.append(window)
        return window

    yield open_one
    if request.node.stash.get(FAILED, False):
        for window in opened:
            window.tell()
    found = [line for window in opened for line in window.found]
    for window in opened:
        window.close()
    assert found == []
