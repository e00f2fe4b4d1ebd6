"""React to a message: a sign that others see once they have reacted themselves."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.exceptions import Conflict, InvalidInput
from annotate.queries.message_access import get_touchable
from annotate.queries.reading import Reader
from annotate.queries.rows import fetch_all, run
from annotate.queries.tree_shapes import Reactions, describe_reactions
from tasks.vocabulary import ReactionCode

#: Who says one of these takes the other back.
OPPOSITES = {
    ReactionCode.THUMBS_UP: ReactionCode.THUMBS_DOWN,
    ReactionCode.THUMBS_DOWN: ReactionCode.THUMBS_UP,
}

_GIVE = """
INSERT INTO annotate_reaction (message_id, annotator_id, code, created_at)
VALUES (%(message)s, %(me)s, %(code)s, %(now)s) ON CONFLICT (message_id, annotator_id, code) DO NOTHING"""

_TAKE = """
DELETE FROM annotate_reaction WHERE message_id = %(message)s AND annotator_id = %(me)s AND code = ANY(%(codes)s::text[])"""

_READ = """
SELECT r.code, count(*) AS n, bool_or(r.annotator_id = %(me)s) AS is_mine
FROM annotate_reaction r WHERE r.message_id = %(message)s GROUP BY r.code"""


def react(*, reader: Reader, message_id: int, code: str, now: datetime, is_on: bool | None = None) -> Reactions:
    """Give a reaction or take it back: the other way about than it is, or as `is_on` says. Returns what is shown then.

    Thumbs up and thumbs down exclude each other. Raises `NotFound`, `Gone` (`message_removed`), `NotAllowed`
    (`suspended`), `Conflict` (`own_text`) and `InvalidInput` (`wrong_value`).
    """
    if code not in set(ReactionCode):
        raise InvalidInput(
            _("There is no such reaction; there are %(codes)s.") % {"codes": ", ".join(ReactionCode)},
            code="wrong_value",
            details={"field": "code"},
        )
    with transaction.atomic():
        row = get_touchable(message_id=message_id, reader=reader)
        if row["is_mine"]:
            raise Conflict(_("This is your own text, so others react to it."), code="own_text")
        params = {"message": message_id, "me": reader.annotator_id, "code": code, "now": now, "codes": [code]}
        if is_on is not True and run(_TAKE, params):
            is_on = False
        if is_on is not False:
            run(_TAKE, {**params, "codes": [opposite for each, opposite in OPPOSITES.items() if each == code]})
            run(_GIVE, params)
        return describe_reactions(fetch_all(_READ, params), sees_counts=bool(row["is_insider"]))
