"""What the audit tells, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tasks.vocabulary import AuditAction

ACTIONS: dict[AuditAction, str | Promise] = {
    AuditAction.CAMPAIGN_CREATED: _("made the campaign"),
    AuditAction.CAMPAIGN_CHANGED: _("changed the campaign"),
    AuditAction.CAMPAIGN_STATE_CHANGED: _("changed its state"),
    AuditAction.GUIDELINE_PUBLISHED: _("published a guideline"),
    AuditAction.LABEL_SCHEMA_PUBLISHED: _("published questions"),
    AuditAction.MEMBER_ADDED: _("added a member"),
    AuditAction.MEMBER_CHANGED: _("changed a member's role"),
    AuditAction.MEMBER_REMOVED: _("removed a member"),
    AuditAction.ANNOTATOR_SUSPENDED: _("suspended an annotator"),
    AuditAction.ANNOTATOR_REINSTATED: _("reinstated an annotator"),
    AuditAction.MESSAGE_REMOVED: _("removed a message"),
    AuditAction.MESSAGE_RESTORED: _("restored a message"),
    AuditAction.MESSAGE_EDITED: _("edited a message"),
    AuditAction.TREE_HALTED: _("halted a tree"),
    AuditAction.TREE_RESTARTED: _("restarted a tree"),
    AuditAction.REPORTS_HANDLED: _("looked at reports"),
    AuditAction.REVISION_DECIDED: _("decided on a proposed text"),
    AuditAction.BRIEF_CHANGED: _("changed what prompts are asked for"),
    AuditAction.TOPIC_CHANGED: _("changed a topic"),
    AuditAction.GOLD_ADDED: _("added a gold item"),
    AuditAction.GOLD_RETIRED: _("retired a gold item"),
    AuditAction.FINDING_UPHELD: _("upheld a finding"),
    AuditAction.FINDING_DISMISSED: _("dismissed a finding"),
    AuditAction.IMPORT_STARTED: _("started an import"),
    AuditAction.GENERATOR_CHANGED: _("changed a generator"),
    AuditAction.GENERATION_REQUESTED: _("asked for candidates"),
    AuditAction.GENERATION_CANCELLED: _("called generation off"),
    AuditAction.GENERATION_RETRIED: _("tried generation again"),
    AuditAction.RELEASE_REQUESTED: _("asked for a release"),
    AuditAction.RELEASE_WITHDRAWN: _("withdrew a release"),
    AuditAction.TOKEN_CREATED: _("made a token"),
    AuditAction.TOKEN_REVOKED: _("revoked a token"),
    AuditAction.USER_CREATED: _("made an account"),
}
OBJECTS: dict[str, str | Promise] = {
    "campaign": _("campaign"),
    "guideline": _("guideline"),
    "label_schema": _("questions"),
    "user": _("account"),
    "annotator": _("annotator"),
    "message": _("message"),
    "tree": _("tree"),
    "brief": _("request for prompts"),
    "gold": _("gold item"),
    "finding": _("finding"),
    "report": _("report"),
    "proposal": _("proposed text"),
    "import": _("import"),
    "generator": _("generator"),
    "release": _("release"),
}
