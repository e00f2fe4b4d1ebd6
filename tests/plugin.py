"""One PostgreSQL and one Valkey for the whole run of the tests, or for each process of a run in several.

Loaded by `-p tests.plugin` before Django's settings are: it only names the servers then, and starts
them when tests outside tests/pure were collected. They end with the run, also on Ctrl-C, and with
this process when it is killed.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from annotate.embedded.engines import Engines, start_engines
from annotate.embedded.places import Places

PURE = Path(__file__).parent / "pure"

#: Which process of `pytest -n` this is; empty for the one that everybody starts.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
#: Processes that tests start and that import this module use the same servers, and start none.
IS_OURS = "TESTS_HOME" not in os.environ or os.environ.get("TESTS_WORKER") != WORKER

_home = Path(tempfile.mkdtemp(prefix="chorus-test-", dir="/tmp") if IS_OURS else os.environ["TESTS_HOME"])
_home.chmod(0o711)
PLACES = Places(data=_home / "data", run=_home / "run")
_running: list[Engines] = []
if IS_OURS:
    atexit.register(shutil.rmtree, _home, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith("CHORUS_")]:
    if _name not in {"CHORUS_TEST_REQUIRE", "CHORUS_REAL_DATA"}:
        del os.environ[_name]
os.environ.update(
    {
        "TESTS_HOME": str(_home),
        "TESTS_WORKER": WORKER,
        "DJANGO_SETTINGS_MODULE": "annotate.settings",
        "DATABASE_URL": PLACES.database_url,
        "REDIS_URL": PLACES.redis_url,
        "SECRET_KEY": "tests-" + "x" * 60,
        "CHORUS_DATA": str(_home / "files"),
        "CHORUS_STATIC_FILES": "live",
        "CHORUS_LOG_FORMAT": "text",
        # More than the threads of any test and its own: whoever waits for a connection gives up after ten seconds,
        # which on a busy machine is sooner than another thread is done.
        "CHORUS_DATABASE_POOL": "16",
    }
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a run in several processes one has all browsers, so that they are not slowed by each other; files stay whole."""
    for item in items:
        in_browser = item.get_closest_marker("browser") is not None
        item.add_marker(pytest.mark.xdist_group("browser" if in_browser else str(item.path)))


def pytest_collection_finish(session: pytest.Session) -> None:
    if session.config.option.collectonly or _running or not IS_OURS:
        return
    if any(PURE not in item.path.parents for item in session.items):
        _running.append(start_engines(PLACES, unsafe=True))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    while _running:
        _running.pop().stop()
    if IS_OURS:
        shutil.rmtree(_home, ignore_errors=True)
