"""What people do again and again in journeys, and what is stored of it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.faults.workplace import BALLOTS, as_sent
from tests.journeys.site import Site

STORED_LABELS = """
SELECT d.name, l.answer, l.value FROM annotate_label l JOIN annotate_labeldimension d ON d.id = l.dimension_id
  JOIN annotate_judgment j ON j.id = l.judgment_id WHERE j.assignment_id = %s AND j.is_current ORDER BY d.name"""

WRITTEN = """
SELECT m.text, m.language FROM annotate_judgment j JOIN annotate_message m ON m.id = j.message_id
WHERE j.assignment_id = %s AND j.is_current"""

VERDICT = "SELECT much_better FROM annotate_judgment WHERE assignment_id = %s AND is_current"
STATE = "SELECT state FROM annotate_assignment WHERE id = %s"
CANNOT_TELL = "SELECT cannot_tell_reason FROM annotate_assignment WHERE id = %s"

PASSWORD = "a nightingale sang there"

#: Stands for the passing of time.
END_LEASE = "UPDATE annotate_assignment SET lease_expires_at = now() - interval '1 minute' WHERE id = %s RETURNING id"


def number_of(page: Page) -> int:
    """The piece of work that is on the page."""
    return int(page.locator("draft-keeper").get_attribute("data-id") or 0)


def find_ballots(site: Site, assignment: int) -> list[dict[str, Any]]:
    """What stands of a piece of work, in the handles that were shown."""
    rows = site.query(f"SELECT * FROM ({BALLOTS}) b WHERE assignment_id = %s AND is_current", assignment)
    return [as_sent(row)["body"] for row in rows]


def find_ballot(site: Site, assignment: int) -> tuple[list[list[str]], int | None]:
    """Tiers and bar of the one ballot that stands."""
    (body,) = find_ballots(site, assignment)
    return body["tiers"], body["acceptable_tiers"]


def find_labels(site: Site, assignment: int) -> dict[str, Any]:
    """Answers by question, as a number or a word; `skipped` is what was not answered."""
    rows = site.query(STORED_LABELS, assignment)
    return {
        row["name"]: row["answer"] if row["value"] is None else row["value"] for row in rows if row["answer"] != "none"
    }


def find_state(site: Site, assignment: int) -> str:
    return str(site.query(STATE, assignment)[0]["state"])


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def await_next(page: Page, before: int) -> int:
    """The next piece of work has taken the place of `before`, and its heading has the focus."""
    page.wait_for_function("id => document.querySelector('draft-keeper')?.dataset.id != id", arg=str(before))
    expect(page.locator("h1")).to_be_focused()
    return number_of(page)


def await_saved(page: Page) -> None:
    """The server has the draft."""
    page.wait_for_function("() => /^Saved/.test(document.querySelector('saved-line')?.textContent ?? '')")


def tab_to(page: Page, target: Locator, *, most: int = 80) -> None:
    """Move the focus there with the Tab key alone, as somebody without a mouse does."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {target}")


def sign_up(page: Page, email: str, password: str = PASSWORD) -> None:
    """Make an account by the form."""
    page.goto("/account/signup/")
    page.locator("input[name=email]").fill(email)
    page.locator("input[name=password1]").fill(password)
    page.get_by_role("button", name="sign up").click()
    await_signed_in(page)


def await_signed_in(page: Page) -> None:
    page.wait_for_url(lambda url: "/account/" not in url)
