#!/usr/bin/env python3
"""Management commands: `manage.py help` lists them. They work whether the run is up or not."""

import os
import sys


def main() -> int:
    """Run one command; in the embedded run the engines are up for as long as it needs them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotate.settings")
    try:
        from annotate.embedded.commands import engines_for_command
        from annotate.embedded.refusals import RunRefused
    except ImportError as error:
        print(f"{error}. Run `make venv`, and start this with .venv/bin/python.", file=sys.stderr)
        return 1
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        settings.INSTALLED_APPS  # noqa: B018  (reads the settings, which refuses wrong ones)
    except ImproperlyConfigured as refusal:
        print(refusal, file=sys.stderr)
        return 1
    try:
        with engines_for_command(sys.argv):
            execute_from_command_line(sys.argv)
    except RunRefused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except OperationalError as error:
        from annotate.embedded.reaching import explain_unreached

        sentence = explain_unreached(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
