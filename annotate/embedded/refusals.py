"""What stops a run before it starts, in a sentence that says what to do."""


class RunRefused(Exception):
    """The run or the command cannot start; the message is for the person who started it."""
