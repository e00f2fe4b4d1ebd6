"""Pictures of every page for looking at: phone and desk, light and dark, English and Arabic.

python -m tests.journeys.shots FOLDER [PART OF A NAME ...]
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from pathlib import Path

import django
from playwright.sync_api import Browser, sync_playwright

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotate.settings")
django.setup()

from tests.journeys.addresses import LOOKS, Look, find_session, make_path  # noqa: E402
from tests.journeys.browsers import DESK, PHONE, Window, open_chromium  # noqa: E402
from tests.journeys.site import Site  # noqa: E402
from tests.journeys.world import World, make_world  # noqa: E402

SCREENS = {"desk": DESK, "phone": PHONE}
THEMES = ("light", "dark")
LANGUAGES = ("en", "ar")


def main(folder: Path, parts: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in LOOKS if not parts or any(part in name for part in parts)]
    with tempfile.TemporaryDirectory(prefix="chorus-shots-", dir="/tmp") as home:
        Path(home).chmod(0o711)
        site = Site(Path(home) / "site")
        try:
            world = make_world(site.prepare(people=20))
            with sync_playwright() as playwright, open_chromium(playwright) as browser:
                for name in wanted:
                    for look in LOOKS[name]:
                        take(browser, world, name, look, folder)
        finally:
            site.end()


def take(browser: Browser, world: World, name: str, look: Look, folder: Path) -> None:
    session = find_session(look, world)
    for (screen, options), language in itertools.product(SCREENS.items(), LANGUAGES):
        window = Window(browser, world.site.address, session=session, **options)
        window.context.add_cookies([{"name": "django_language", "value": language, "url": world.site.address}])
        window.go(make_path(name, look, world))
        for theme in THEMES:
            window.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            title = "-".join(filter(None, [name.replace(":", "-"), look.kind or look.who, screen, theme, language]))
            window.page.screenshot(path=folder / f"{title}.png", full_page=True)
        for line in window.found:
            print(f"{name} {screen} {language}: {line}")
        window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
