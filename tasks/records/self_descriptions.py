"""What people may say of themselves: questions and the answers there are. Few and coarse, so that many give the same."""

from collections.abc import Mapping

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
