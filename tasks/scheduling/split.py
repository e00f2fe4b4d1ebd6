"""Which of two policies schedules a prompt: by its tree, for good, half of them each. Standard library only."""

from hashlib import blake2b

#: The policy of the campaign, and its rival.
POLICY_ARM, RIVAL_ARM = 0, 1


def arm_of(tree_id: int) -> int:
    """0: the campaign's policy; 1: its rival. Independent of anything else that is decided about the tree."""
    return blake2b(tree_id.to_bytes(8, "big", signed=True), digest_size=1, person=b"split").digest()[0] & 1
