"""What a builder of releases needs of the worker's side: for the job, and for the command that builds by itself."""

from functools import partial
from pathlib import Path

from annotate.services.release_writing import ReleaseTools
from tasks.agreement.consensus import combine_rankings
from tasks.formats.pseudonyms import make_pseudonym
from tasks.formats.release_folder import ReleaseFolder

#: The draws behind P(best), as for the results that organizers see.
SEED = 1


def list_release_tools() -> ReleaseTools:
    """Writers, names and consensus for `annotate.services.release_building`."""
    return ReleaseTools(open_folder=_open_folder, make_name=_make_name, combine=partial(combine_rankings, seed=SEED))


def _open_folder(path: Path, salt: bytes) -> ReleaseFolder:
    return ReleaseFolder(path, salt=salt)


def _make_name(kind: str, identity: int | str, salt: bytes) -> str:
    return make_pseudonym(kind, identity, salt=salt)
