"""Releases in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tasks.vocabulary import PersonalDataKind, ReleaseSchedule, ReleaseState, ReleaseTable

Words = str | Promise

STATES: dict[ReleaseState, Words] = {
    ReleaseState.REQUESTED: _("waits its turn"),
    ReleaseState.BUILDING: _("being made"),
    ReleaseState.SEALED: _("sealed"),
    ReleaseState.PUBLISHED: _("published"),
    ReleaseState.WITHDRAWN: _("withdrawn"),
    ReleaseState.FAILED: _("failed"),
}
TRIGGERS: dict[str, Words] = {
    "request": _("on request"),
    ReleaseSchedule.WEEKLY.value: _("weekly"),
    ReleaseSchedule.MONTHLY.value: _("monthly"),
    ReleaseSchedule.TARGET.value: _("at a number of judgments"),
}
COUNTS: dict[str, Words] = {
    "ballots": _("rankings and comparisons"),
    "label_sets": _("label sets"),
    "texts_written": _("texts written"),
    "cannot_tell": _("answers “I can't tell”"),
    "skipped": _("skips"),
    "surplus": _("judgments beyond those needed"),
    "trees": _("prompts"),
    "messages": _("messages"),
    "preference_pairs": _("preference pairs"),
    "annotators": _("people"),
    "left_out_by_terms": _("texts left out because of the terms of their models"),
    "left_out_as_gold": _("judgments of gold items left out"),
}
TABLES: dict[str, Words] = {
    ReleaseTable.BALLOTS.value: _("rankings and comparisons"),
    ReleaseTable.LABELS.value: _("labels"),
    ReleaseTable.TREES.value: _("prompts and replies"),
    ReleaseTable.PREFERENCE_PAIRS.value: _("preference pairs"),
    ReleaseTable.GENERATORS.value: _("generators"),
}
PERSONAL_DATA: dict[str, Words] = {
    PersonalDataKind.EMAIL.value: _("e-mail addresses"),
    PersonalDataKind.PHONE.value: _("telephone numbers"),
    PersonalDataKind.CARD.value: _("card numbers"),
    PersonalDataKind.IBAN.value: _("bank accounts"),
    PersonalDataKind.IP_ADDRESS.value: _("IP addresses"),
    PersonalDataKind.SSN.value: _("social security numbers"),
}
