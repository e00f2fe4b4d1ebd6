"""Who asks, and what they may reach. The check of a permission is the fetch of the object.

Roles: an organizer may do what a moderator may; an administrator may do everything in every campaign.
Scopes limit a token, never widen it: `admin` covers every scope, any other covers itself alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from annotate.exceptions import NotAllowed, NotFound, NotSignedIn
from annotate.models import Campaign, User
from annotate.queries.people import Account, GuestDevice, find_campaign_with_role
from annotate.queries.reading import Reader
from tasks.vocabulary import CampaignRole, CampaignState, Scope

#: What each role includes.
INCLUDES = {
    CampaignRole.ORGANIZER: frozenset({CampaignRole.ORGANIZER, CampaignRole.MODERATOR, CampaignRole.ANNOTATOR}),
    CampaignRole.MODERATOR: frozenset({CampaignRole.MODERATOR, CampaignRole.ANNOTATOR}),
    CampaignRole.ANNOTATOR: frozenset({CampaignRole.ANNOTATOR}),
}
ALL_SCOPES = frozenset(Scope)
#: What a guest's device token may do; a guest has no account to read or to organize with.
GUEST_SCOPES = frozenset({Scope.ANNOTATE})


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever makes a request, as one query found them.

    user            the account; None for a guest and for nobody
    annotator_id    who judges: every account and every guest has one
    scopes          what the token allows; None for a session, which allows everything its person may do
    token_id        the token, for limits and for the audit
    accepted_terms  the version of the terms in force for this person; empty: none
    is_suspended    whether this annotator may not work at present
    """

    user: User | None = None
    annotator_id: int | None = None
    scopes: frozenset[str] | None = frozenset()
    token_id: int | None = None
    accepted_terms: str = ""
    is_suspended: bool = False

    @property
    def is_signed_in(self) -> bool:
        return self.user is not None or self.annotator_id is not None

    @property
    def is_guest(self) -> bool:
        return self.user is None and self.annotator_id is not None

    @property
    def is_administrator(self) -> bool:
        return self.user is not None and self.user.is_administrator

    @property
    def user_id(self) -> int | None:
        return None if self.user is None else self.user.pk

    @property
    def effective_scopes(self) -> frozenset[str]:
        """Every scope that this actor can use, `admin` and sessions spelled out."""
        if self.scopes is None or Scope.ADMIN in self.scopes:
            return ALL_SCOPES
        return self.scopes

    def has_scope(self, *scopes: str) -> bool:
        """Whether the token allows at least one of these."""
        return not self.effective_scopes.isdisjoint(scopes)


#: Nobody: neither token nor session.
ANONYMOUS = Actor()


def actor_of_account(account: Account, *, scopes: frozenset[str] | None = None, token_id: int | None = None) -> Actor:
    """Whoever is signed in with an account; `scopes` None is a session."""
    return Actor(
        user=account.user,
        annotator_id=account.annotator_id,
        scopes=scopes,
        token_id=token_id,
        accepted_terms=account.accepted_terms,
        is_suspended=account.is_suspended,
    )


def actor_of_guest(guest: GuestDevice) -> Actor:
    """A guest, known by the token of their device."""
    return Actor(
        annotator_id=guest.annotator_id,
        scopes=GUEST_SCOPES,
        accepted_terms=guest.accepted_terms,
        is_suspended=guest.is_suspended,
    )


def reader_of(actor: Actor) -> Reader:
    """The actor as queries of trees and messages know them."""
    return Reader(actor.annotator_id, actor.user_id, actor.is_administrator)


def require_account(actor: Actor) -> User:
    """The actor's account. Raises `NotSignedIn` for nobody and `NotAllowed` for a guest."""
    if actor.user is not None:
        return actor.user
    if actor.is_guest:
        raise NotAllowed(_("Guests cannot do this: it needs an account."), code="account_needed")
    raise not_signed_in()


def require_annotator(actor: Actor) -> int:
    """The id of whoever judges, account or guest. Raises `NotSignedIn` for nobody."""
    if actor.annotator_id is None:
        raise not_signed_in()
    return actor.annotator_id


def require_administrator(actor: Actor) -> User:
    """The account of a site administrator, with the scope `admin` where a token is used."""
    user = require_account(actor)
    if not user.is_administrator:
        raise NotAllowed(_("Only administrators of the site may do this."), code="administrators_only")
    require_scope(actor, Scope.ADMIN)
    return user


def require_campaign_maker(actor: Actor) -> User:
    """Whoever may make a campaign: every account, or administrators alone where CHORUS_OPEN_CAMPAIGNS is 0."""
    user = require_account(actor)
    if not settings.OPEN_CAMPAIGNS and not user.is_administrator:
        raise NotAllowed(
            _("On this site administrators make the campaigns: ask one of them."), code="administrators_only"
        )
    return user


def require_scope(actor: Actor, *scopes: str) -> None:
    """Refuse a token that has none of these scopes."""
    if not actor.has_scope(*scopes):
        names = " or ".join(f'"{scope}"' for scope in scopes)
        raise NotAllowed(
            _("This token lacks the scope %(scopes)s. Make a token with it, or use another.") % {"scopes": names},
            code="scope_missing",
            details={"needed": [str(scope) for scope in scopes]},
        )


def get_campaign_for(actor: Actor, slug: str, role: CampaignRole | None = None, *related: str) -> Campaign:
    """The campaign, in one query, if this actor may reach it in this role.

    `role` None: whoever is signed in may read it, unless it is a draft, which is there for its members
    and for administrators only (`NotFound` for others, as if it did not exist). With a role: members who
    have it, and administrators; others get `NotAllowed`. `related` names what comes along by a join.
    The campaign carries `actor_role`: the member's role or None.
    """
    campaign = find_campaign_with_role(slug=slug, user_id=actor.user_id, related=related)
    if campaign is None or not _may_see(actor, campaign):
        raise NotFound(
            _('There is no campaign "%(slug)s". Check its name.') % {"slug": slug}, code="campaign_not_found"
        )
    if role is None or actor.is_administrator or role in _included(campaign):
        return campaign
    raise NotAllowed(
        _("This needs the role of %(role)s in the campaign “%(campaign)s”. Ask one of its organizers.")
        % {"role": role.value, "campaign": campaign.title},
        code="role_missing",
        details={"needed": role.value},
    )


def not_signed_in() -> NotSignedIn:
    return NotSignedIn(_('Nobody is signed in: sign in, or send "Authorization: Bearer" with a token.'))


def _may_see(actor: Actor, campaign: Campaign) -> bool:
    return campaign.state != CampaignState.DRAFT or actor.is_administrator or bool(_included(campaign))


def _included(campaign: Campaign) -> frozenset[CampaignRole]:
    role: str | None = campaign.actor_role  # type: ignore[attr-defined]  # an annotation of the query
    return INCLUDES[CampaignRole(role)] if role else frozenset()
