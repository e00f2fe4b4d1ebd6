"""A campaign's file as somebody sends it: chosen or pasted, read, and its problems told with their lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.figures import whole
from annotate.services.campaign_files import MAX_FILE_BYTES, read_campaign_file
from annotate.web.pages import PageRequest
from annotate.web.toml_places import find_line
from tasks.records.campaigns import CampaignSpec


def read_posted_file(request: PageRequest) -> str:
    """The file that was chosen, else the text that was written; line ends as in files. Raises `InvalidInput`."""
    chosen = request.FILES.get("file")
    if chosen is None:
        return request.POST.get("text", "").replace("\r\n", "\n")
    try:
        # What is too large is refused where it is read.
        return str(chosen.read(MAX_FILE_BYTES + 1).decode("utf-8")).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        sentence = _("The file is not text in UTF-8: byte %(place)s is none. Save it as UTF-8 and send it again.")
        raise InvalidInput(sentence % {"place": whole(error.start + 1)}, code="campaign_invalid") from error


def read_told_file(text: str) -> CampaignSpec:
    """The campaign of a file. Raises `InvalidInput`, each problem with the line where it stands."""
    if not text.strip():
        raise InvalidInput(_("Nothing was sent. Choose a file, or write one here."), code="campaign_invalid")
    try:
        return read_campaign_file(text.encode("utf-8"))
    except InvalidInput as error:
        raise InvalidInput(error.message, code=error.code, details=add_lines(error.details, text)) from error


def add_lines(problems: Mapping[str, Sequence[str]], text: str) -> dict[str, list[str]]:
    """Problems with the line that each stands at, where one is found."""
    told = {}
    for place, sentences in problems.items():
        line = find_line(text, place)
        shown = _("%(place)s, line %(line)s") % {"place": place, "line": line} if line else place
        told[shown] = list(sentences)
    return told
