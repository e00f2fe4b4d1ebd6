"""What a machine lacks is skipped, or fails where CHORUS_TEST_REQUIRE says that it must be there."""

import pytest

from tests import conftest


@pytest.fixture
def node(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> pytest.Item:
    """This test itself, as one that needs a machine's part that is missing."""
    monkeypatch.setitem(conftest.NEEDS, "gpu", lambda: "no such part")
    request.node.add_marker("gpu")
    return request.node


def test_missing_part_is_skipped_and_said(node: pytest.Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_TEST_REQUIRE", "browser, torch")
    with pytest.raises(pytest.skip.Exception, match="no such part"):
        conftest.pytest_runtest_setup(node)


def test_missing_part_that_is_required_fails(node: pytest.Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_TEST_REQUIRE", "browser, gpu")
    with pytest.raises(pytest.fail.Exception, match="CHORUS_TEST_REQUIRE asks for gpu, and there is no such part"):
        conftest.pytest_runtest_setup(node)


def test_required_part_that_nobody_knows_is_refused(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHORUS_TEST_REQUIRE", "brwoser")
    with pytest.raises(pytest.UsageError, match="CHORUS_TEST_REQUIRE names"):
        conftest.pytest_configure(pytestconfig)
