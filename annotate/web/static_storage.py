"""Static files as a site serves them: named by their content, compressed, and cached for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage

#: One statement of a module of ours, with or without names: `import { word } from "./words.js";`
NAMED_IMPORT = r"""(?P<matched>import(?P<names>[^"';]+)from\s*"(?P<url>\./[^"]+)";)"""
PLAIN_IMPORT = r"""(?P<matched>import\s*"(?P<url>\./[^"]+)";)"""


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Also where one of our scripts imports another, the name of what it imports carries the hash of its content.

    Without that a browser would keep an old module beside a new one. Django's own switch for this reads every script of
    every app, and stumbles over a comment of one.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (
            "site/js/*.js",
            ((NAMED_IMPORT, 'import%(names)sfrom "%(url)s";'), (PLAIN_IMPORT, 'import "%(url)s";')),
        ),
    )
