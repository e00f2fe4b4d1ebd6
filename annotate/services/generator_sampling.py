"""The sampling of a generator: what every engine knows has its bounds, what else a server may know is passed on."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotate.figures import whole
from annotate.services.campaign_values import Reader
from tasks.generation.payloads import OUR_KEYS
from tasks.generation.samplings import MOST_STOPS, MOST_TOKENS, RANGES

MAX_SAMPLING_VALUES = 40
#: Least and most of the settings of sampling that are known, and which of them are whole numbers.
SAMPLING_RANGES: Mapping[str, tuple[float, float]] = {**RANGES, "max_tokens": (1, MOST_TOKENS)}
WHOLE_SAMPLING = frozenset({"top_k", "max_tokens"})


def read_sampling(reader: Reader, place: str, value: Any) -> dict[str, Any] | None:
    if not isinstance(value, Mapping) or len(value) > MAX_SAMPLING_VALUES:
        reader.refuse(
            place, _("This must be a table of at most %(most)s names and values.") % {"most": MAX_SAMPLING_VALUES}
        )
        return None
    for name, setting in value.items():
        if problem := _check_setting(name, setting):
            reader.refuse(f"{place}.{name}", problem)
    return dict(value)


def _check_setting(name: str, value: Any) -> str:
    """What is wrong with one setting; a server may know others than are known here."""
    if name in OUR_KEYS:
        return _("Each request sets this itself. Remove it.")
    if not _is_setting(value):
        return _("This must be a text, a number, true, false, null or a list of texts.")
    if name in SAMPLING_RANGES and value is not None:
        low, high = SAMPLING_RANGES[name]
        kinds: Any = int if name in WHOLE_SAMPLING else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            numbers = {"low": f"{low:g}", "high": whole(high) if high > 1000 else f"{high:g}"}
            if name in WHOLE_SAMPLING:
                return _("This must be a whole number from %(low)s to %(high)s.") % numbers
            return _("This must be a number from %(low)s to %(high)s.") % numbers
    if name == "stop" and not _is_stop(value):
        return _("These must be at most %(most)s texts, none of them empty.") % {"most": MOST_STOPS}
    return ""


def _is_stop(value: Any) -> bool:
    if not isinstance(value, list):
        return value is None or (isinstance(value, str) and bool(value))
    return len(value) <= MOST_STOPS and all(value)


def _is_setting(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MAX_SAMPLING_VALUES and all(isinstance(item, str) for item in value)
    return value is None or isinstance(value, str | int | float)
