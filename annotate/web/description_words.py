"""The words of what people may say of themselves."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from annotate.web.field_words import FieldWords, Words
from tasks.vocabulary import SelfQuestion

QUESTION_WORDS: dict[SelfQuestion, FieldWords] = {
    SelfQuestion.AGE: FieldWords(_("Your age")),
    SelfQuestion.GENDER: FieldWords(_("Your gender")),
    SelfQuestion.REGION: FieldWords(_("Where you have lived longest")),
    SelfQuestion.EDUCATION: FieldWords(_("Your education")),
    SelfQuestion.FIELD: FieldWords(_("What you do"), _("Your work, or what you study.")),
    SelfQuestion.FIRST_LANGUAGE: FieldWords(
        _("The language you grew up with"),
        _("A code such as en, de or sw. Leave it empty if you would rather not say."),
    ),
    SelfQuestion.AI_USE: FieldWords(_("How often you use language models")),
}
ANSWER_NAMES: dict[str, Words] = {
    "under_25": _("under 25"),
    "25_to_39": _("25 to 39"),
    "40_to_59": _("40 to 59"),
    "60_or_more": _("60 or more"),
    "woman": _("woman"),
    "man": _("man"),
    "another": _("another, or none"),
    "africa": _("Africa"),
    "central_and_south_asia": _("Central and South Asia"),
    "east_and_southeast_asia": _("East and Southeast Asia"),
    "europe": _("Europe"),
    "latin_america": _("Latin America"),
    "middle_east": _("Middle East"),
    "north_america": _("North America"),
    "oceania": _("Oceania"),
    "school": _("school"),
    "vocational": _("vocational training"),
    "university": _("university"),
    "arts_and_media": _("arts and media"),
    "business_and_law": _("business and law"),
    "computing": _("computing"),
    "crafts_and_trades": _("crafts and trades"),
    "education": _("teaching"),
    "health_and_care": _("health and care"),
    "science_and_engineering": _("science and engineering"),
    "services": _("services"),
    "something_else": _("something else"),
    "hardly_ever": _("hardly ever"),
    "some_weeks": _("some weeks"),
    "most_weeks": _("most weeks"),
    "most_days": _("most days"),
}
