"""What collectstatic makes of our styles and scripts: hashed names to the last import, compressed, cached for ever."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings
from django.utils.functional import empty
from whitenoise.middleware import WhiteNoiseMiddleware

STORAGE = "annotate.web.static_storage.ModuleStaticFilesStorage"
HASHED = re.compile(r"[\w.-]+\.[0-9a-f]{12}\.js")
IMPORT = re.compile(r"""^import\b[^"';]*"([^"]+)";""", re.MULTILINE)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("static")
    storages = django_settings.STORAGES | {"staticfiles": {"BACKEND": STORAGE}}
    with override_settings(
        STATIC_ROOT=folder, STORAGES=storages, WHITENOISE_USE_FINDERS=False, WHITENOISE_AUTOREFRESH=False
    ):
        staticfiles_storage._wrapped = empty
        call_command("collectstatic", interactive=False, verbosity=0)
        yield folder
    staticfiles_storage._wrapped = empty


def modules_from(collected: Path, name: str) -> dict[str, str]:
    """The text of a module and of all that it imports, by the name under which a browser asks for it."""
    found: dict[str, str] = {}
    waiting = [staticfiles_storage.stored_name(f"site/js/{name}").split("/")[-1]]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = (collected / "site/js" / name).read_text(encoding="utf-8")
        waiting += [path.removeprefix("./") for path in IMPORT.findall(found[name])]
    return found


def test_every_module_is_asked_for_by_the_hash_of_its_content(collected: Path):
    found = modules_from(collected, "work.js")
    assert {name.split(".")[0] for name in found} >= {
        "work",
        "ranking",
        "ranking-state",
        "draft-keeper",
        "words",
        "keys",
    }
    assert [name for name in found if not HASHED.fullmatch(name)] == []


def test_scripts_and_styles_of_the_ranking_page_are_small(collected: Path):
    names = {*modules_from(collected, "work.js"), *modules_from(collected, "site.js")}
    paths = [collected / "site/js" / name for name in names]
    paths += [
        collected / staticfiles_storage.stored_name(name) for name in ("site/chorus.css", "django_htmx/htmx-2.min.js")
    ]
    compressed = [path.with_name(path.name + ".gz") for path in paths if path.stat().st_size > 200]
    total = sum(path.stat().st_size for path in compressed if path.exists())
    assert all(gzip.decompress(path.read_bytes()) for path in compressed if path.exists())
    assert total < 60_000


@pytest.mark.django_db  # a file that is closed lets Django look at the connections of tests before
def test_a_hashed_file_is_sent_compressed_and_kept_for_ever(collected: Path):
    def unused(request: HttpRequest) -> HttpResponse:
        raise AssertionError("whitenoise did not know the file")

    middleware = WhiteNoiseMiddleware(unused)
    request = RequestFactory().get(staticfiles_storage.url("site/chorus.css"), headers={"Accept-Encoding": "gzip"})
    response = middleware(request)
    assert response.status_code == 200
    assert response["Content-Encoding"] == "gzip"
    assert response["Cache-Control"] == "max-age=315360000, public, immutable"
    response.close()
