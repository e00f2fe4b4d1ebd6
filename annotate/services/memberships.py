"""Roles in a campaign. Whoever judges needs none: annotators join by working."""

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, NotFound
from annotate.models import Campaign, Membership, User
from annotate.services.audit import record_event
from tasks.vocabulary import AuditAction, CampaignRole


def set_member(
    *, campaign: Campaign, email: str, role: CampaignRole, actor: Actor | None, reason: str = ""
) -> tuple[Membership, bool]:
    """Give somebody a role, or another one. Returns the membership, and whether it is new.

    Raises NotFound `user_not_found`, and Conflict `last_organizer` when nobody would be left to run the campaign.
    """
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise NotFound(_("Nobody here has this address. Ask them to sign up, then add them."), code="user_not_found")
    with transaction.atomic():
        _lock(campaign)
        member = Membership.objects.filter(campaign=campaign, user=user).first()
        if member is None:
            return add_member(campaign=campaign, user=user, role=role, actor=actor, reason=reason), True
        before = member.role
        if before != role:
            if before == CampaignRole.ORGANIZER:
                _check_not_last(campaign)
            member.role = role
            member.save(update_fields=["role"])
            _record(
                AuditAction.MEMBER_CHANGED, member, actor, before={"role": before}, after={"role": role}, reason=reason
            )
        member.user = user
        return member, False


def add_member(
    *, campaign: Campaign, user: User, role: CampaignRole, actor: Actor | None, reason: str = ""
) -> Membership:
    """Give a role to somebody who has none here. The caller's transaction."""
    member = Membership.objects.create(campaign=campaign, user=user, role=role)
    _record(AuditAction.MEMBER_ADDED, member, actor, before=None, after={"role": role}, reason=reason)
    return member


def remove_member(*, campaign: Campaign, user_id: int, actor: Actor | None, reason: str = "") -> None:
    """Take somebody's role away. Raises NotFound `member_not_found` and Conflict `last_organizer`."""
    with transaction.atomic():
        _lock(campaign)
        member = Membership.objects.filter(campaign=campaign, user_id=user_id).first()
        if member is None:
            raise NotFound(_("This person has no role in the campaign."), code="member_not_found")
        if member.role == CampaignRole.ORGANIZER:
            _check_not_last(campaign)
        _record(AuditAction.MEMBER_REMOVED, member, actor, before={"role": member.role}, after=None, reason=reason)
        member.delete()


def _lock(campaign: Campaign) -> None:
    # Two organizers who remove each other at once take turns, so that one of them stays.
    Campaign.objects.select_for_update(no_key=True).only("pk").get(pk=campaign.pk)


def _check_not_last(campaign: Campaign) -> None:
    if Membership.objects.filter(campaign=campaign, role=CampaignRole.ORGANIZER).count() == 1:
        raise Conflict(
            _("This is the only organizer of the campaign. Make somebody else an organizer first."),
            code="last_organizer",
        )


def _record(
    action: AuditAction,
    member: Membership,
    actor: Actor | None,
    *,
    before: dict[str, str] | None,
    after: dict[str, str] | None,
    reason: str,
) -> None:
    record_event(
        actor=actor,
        action=action,
        object_kind="user",
        object_id=member.user_id,
        campaign=member.campaign,
        before=before,
        after=after,
        reason=reason,
    )
