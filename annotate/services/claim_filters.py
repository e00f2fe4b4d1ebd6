"""What somebody who asks for work may name: kinds that there are, and languages of the campaign."""

from collections.abc import Collection

from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.queries.rows import Row
from tasks.vocabulary import Kind


def check_filters(*, row: Row, kinds: Collection[str] | None, languages: Collection[str] | None) -> None:
    """Refuse a filter that names what the campaign does not have."""
    unknown = sorted(set(kinds or ()) - {kind.value for kind in Kind})
    if unknown:
        raise InvalidInput(
            _("There is no kind of work called %(name)s; the kinds are %(kinds)s.")
            % {"name": repr(unknown[0]), "kinds": ", ".join(Kind)},
            details={"kinds": unknown},
        )
    foreign = sorted(set(languages or ()) - set(row["languages"]))
    if foreign:
        raise InvalidInput(
            _("This campaign does not work in %(language)s; its languages are %(languages)s.")
            % {"language": repr(foreign[0]), "languages": ", ".join(row["languages"])},
            details={"languages": foreign},
        )
