"""What stops a run before it starts, in a sentence that says what to do."""


class RunRefused(Exception):  # noqa: N818  (a refusal, not an accident)
    """The run or the command cannot start; the message is for the person who started it."""
