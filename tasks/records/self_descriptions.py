"""What people may say of themselves: questions and the answers there are. Few and coarse, so that many give the same."""

from collections.abc import Mapping

from tasks.text.languages import BadLanguage, normalise_language
from tasks.vocabulary import SelfQuestion

#: The answers to each question; of FIRST_LANGUAGE every language is one.
ANSWERS: Mapping[SelfQuestion, tuple[str, ...]] = {
    SelfQuestion.AGE: ("under_25", "25_to_39", "40_to_59", "60_or_more"),
    SelfQuestion.GENDER: ("woman", "man", "another"),
    SelfQuestion.REGION: (
        "africa",
        "central_and_south_asia",
        "east_and_southeast_asia",
        "europe",
        "latin_america",
        "middle_east",
        "north_america",
        "oceania",
    ),
    SelfQuestion.EDUCATION: ("school", "vocational", "university"),
    SelfQuestion.FIELD: (
        "arts_and_media",
        "business_and_law",
        "computing",
        "crafts_and_trades",
        "education",
        "health_and_care",
        "science_and_engineering",
        "services",
        "something_else",
    ),
    SelfQuestion.FIRST_LANGUAGE: (),
    SelfQuestion.AI_USE: ("hardly_ever", "some_weeks", "most_weeks", "most_days"),
}
LONGEST_ANSWER = 24


def read_answer(question: SelfQuestion, answer: str) -> str | None:
    """The answer as it is stored; None where the question has no such answer."""
    if question is not SelfQuestion.FIRST_LANGUAGE:
        return answer if answer in ANSWERS[question] else None
    try:
        language = normalise_language(answer)
    except BadLanguage:
        return None
    return language if len(language) <= LONGEST_ANSWER else None
