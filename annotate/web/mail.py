"""Mail where no server is named: one file a message in a private folder, which `make run` prints as they come."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

logger = logging.getLogger(__name__)

#: Mail holds codes to sign in with: the oldest go when there are more.
MOST_KEPT = 200


class FolderBackend(BaseEmailBackend):
    """Named by EMAIL_BACKEND. A file appears whole, and its name sorts by when it was written."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.MAIL_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        for message in email_messages:
            path = _write(folder, message)
            logger.info("mail is in %s: no server is named in CHORUS_EMAIL_URL", path.name)
        _forget_oldest(folder)
        return len(email_messages)


def _write(folder: Path, message: EmailMessage) -> Path:
    path = folder / f"{time.time_ns()}-{uuid4().hex[:8]}.eml"
    half = path.with_suffix(".part")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(message.message().as_bytes())
    half.rename(path)
    return path


def _forget_oldest(folder: Path) -> None:
    for path in sorted(folder.glob("*.eml"))[:-MOST_KEPT]:
        path.unlink(missing_ok=True)
