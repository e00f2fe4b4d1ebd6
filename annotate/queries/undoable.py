"""The last judgments of a person, which may still be undone: until then nobody is told what others said of the same.

What was given and taken back counts as well. So a judgment that has left the window never comes back into it, and
whoever has read what others said cannot go back and say the same.
"""

#: How many judgments back somebody may undo.
UNDO_DEPTH = 10

#: Ids of the newest judgments of `%(me)s`, as an array: computed once a statement. By time, as the index of a person's
#: judgments has it: ordered by id, the planner may read everybody's.
NEWEST = """ARRAY(SELECT newest.id FROM annotate_judgment newest WHERE newest.annotator_id = %(me)s::bigint
  ORDER BY newest.created_at DESC, newest.id DESC LIMIT %(undo_depth)s)"""
