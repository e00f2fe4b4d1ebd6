"""Every page of the site by the name of its address: who looks at it, or why it is no page to look at.

`tests/journeys/test_pages.py` fails for a name that is in neither table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.journeys.world import KINDS, World

#: A member made the account by the form, and has a password.
NOBODY, MEMBER, BEGINNER, VOLUNTEER = "nobody", "member", "beginner", "volunteer"
ORGANIZER, ADMINISTRATOR = "organizer", "administrator"


@dataclass(frozen=True)
class Look:
    """Who looks, with what after the address; or at a path that is not in the addresses."""

    who: str = ORGANIZER
    query: str = ""
    kind: str = ""


LOOKS: dict[str, list[Look]] = {
    # coming in
    "home": [Look(NOBODY), Look(VOLUNTEER)],
    "about": [Look(NOBODY)],
    "terms": [Look(NOBODY)],
    "away": [Look(NOBODY, query="?to=https://example.org/")],
    "api:docs": [Look(NOBODY)],
    "account_login": [Look(NOBODY)],
    "account_signup": [Look(NOBODY)],
    "account_look_in_mail": [Look(NOBODY)],
    "account_request_login_code": [Look(NOBODY)],
    "account_reset_password": [Look(NOBODY)],
    "account_password_reset_completed": [Look(NOBODY)],
    "account_inactive": [Look(NOBODY)],
    # working
    "work": [Look(VOLUNTEER, kind=kind) for kind in KINDS],
    "guideline": [Look(NOBODY)],
    "tree_states": [Look(NOBODY)],
    # reading
    "tree": [Look(BEGINNER), Look(VOLUNTEER, query="?all=1"), Look(ADMINISTRATOR)],
    "messages": [Look(BEGINNER), Look(VOLUNTEER, query="?q=which")],
    "campaign_messages": [Look(VOLUNTEER)],
    "report_message": [Look(BEGINNER)],
    "revise_message": [Look(BEGINNER)],
    "proposals": [Look(BEGINNER), Look(ORGANIZER)],
    "moderate_message": [Look(VOLUNTEER), Look(VOLUNTEER, query="?do=edit")],
    "moderate_tree": [Look(VOLUNTEER)],
    # oneself
    "me": [Look(VOLUNTEER)],
    "my_contributions": [Look(VOLUNTEER), Look(BEGINNER)],
    "my_reliability": [Look(VOLUNTEER), Look(BEGINNER)],
    "my_description": [Look(VOLUNTEER), Look(BEGINNER)],
    "my_topics": [Look(VOLUNTEER)],
    "my_tokens": [Look(VOLUNTEER)],
    "my_consent": [Look(VOLUNTEER)],
    "sign_out": [Look(VOLUNTEER)],
    "account_logout": [Look(VOLUNTEER)],
    "account_email": [Look(VOLUNTEER)],
    "account_change_password": [Look(MEMBER)],
    "account_reauthenticate": [Look(MEMBER)],
    # organizing
    "campaigns": [Look(NOBODY), Look(ORGANIZER)],
    "campaign": [Look(NOBODY), Look(VOLUNTEER), Look(ORGANIZER)],
    "campaign_new": [Look()],
    "campaign_new_file": [Look()],
    "campaign_edit": [Look()],
    "edit_file": [Look()],
    "edit_guideline": [Look()],
    "edit_questions": [Look()],
    "edit_targets": [Look()],
    "campaign_state": [Look(query="?to=paused")],
    "campaign_preview": [Look()],
    "campaign_api": [Look()],
    "imports": [Look()],
    "import_run": [Look()],
    "members": [Look()],
    "briefs": [Look()],
    "brief": [Look()],
    "generators": [Look()],
    "gold_items": [Look()],
    "gold_new": [Look()],
    "gold_choose": [Look()],
    "gold_promote": [Look()],
    "releases": [Look()],
    "release": [Look()],
    "audit": [Look()],
    "results_agreement": [Look(VOLUNTEER), Look(BEGINNER)],
    "results_consensus": [Look()],
    "results_consensus_parent": [Look()],
    "results_leaderboard": [Look()],
    "results_annotators": [Look()],
    "results_findings": [Look()],
    "results_perspectives": [Look()],
    "results_saving": [Look()],
    "coverage": [Look(NOBODY), Look()],
    "target_space": [Look()],
    "prompt_map": [Look()],
    "simulate": [Look()],
    "simulation": [Look()],
    "message_why": [Look()],
    "site_generators": [Look(ADMINISTRATOR)],
    "generator_new": [Look(ADMINISTRATOR)],
    "generator": [Look(ADMINISTRATOR)],
    "generator_edit": [Look(ADMINISTRATOR)],
}

POSTED = "is posted to, and answers with a page that is looked at elsewhere"
IN_BETWEEN = "leads on at once, except in the middle of what a mail began"

NO_PAGES: dict[str, str] = {
    "account_set_password": "for those who have none; looks like account_change_password",
    "accept_terms": "leads on at once where the terms are accepted",
    "message": "leads on to its place in its tree",
    "unit_why": "one of the units that message_why shows",
    "topic": "fifty prompts must be there before there is one; looked at in tests/web/test_coverage_browser.py",
    "message_text": "nothing but the text",
    "preview_text": "a piece of the page on which somebody writes",
    "results_finding": "forty rankings must give somebody away before there is one; looked at in tests/web/test_results_findings_browser.py",
    "healthz": "for machines",
    "readyz": "for machines",
    **dict.fromkeys(
        [
            "set_interface_language",
            "try_pair",
            "start",
            "next_work",
            "submit_work",
            "save_draft",
            "renew_work",
            "check_work",
            "undo",
            "react",
            "label_message",
            "proposal_vote",
            "proposal_withdraw",
            "my_profile",
            "my_languages",
            "my_description_forget",
            "my_token_revoke",
            "member_remove",
            "brief_state",
            "gold_retire",
            "ask_generators",
            "try_generator",
            "release_schedule",
            "release_withdraw",
            "simulation_stop",
        ],
        POSTED,
    ),
    **dict.fromkeys(
        [
            "account_confirm_login_code",
            "account_confirm_password_reset_code",
            "account_complete_password_reset",
            "account_email_verification_sent",
            "account_request_reauthentication_code",
            "account_confirm_reauthentication_code",
        ],
        IN_BETWEEN,
    ),
}


def list_names() -> Iterator[str]:
    """The names of all addresses outside the API and Django's own administration."""
    yield from _walk(get_resolver())


def _walk(resolver: URLResolver) -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            if entry.namespace not in {"admin", "api"}:
                yield from _walk(entry)
        elif isinstance(entry, URLPattern) and entry.name:
            yield entry.name


def make_path(name: str, look: Look, world: World) -> str:
    """The address of a page in a world."""
    known = world.arguments()
    if look.kind:
        known["assignment"] = world.holds[look.kind]
    names = get_resolver().reverse_dict.getlist(name)[0][0][0][1] if ":" not in name else []
    return reverse(name, kwargs={parameter: known[parameter] for parameter in names}) + look.query


def find_session(look: Look, world: World) -> str | None:
    """The session of who looks; None is nobody."""
    people = {
        MEMBER: world.member,
        BEGINNER: world.beginner.session,
        VOLUNTEER: world.volunteer.session,
        ORGANIZER: world.organizer.session,
        ADMINISTRATOR: world.site.administrator.session,
    }
    return people.get(look.who)
