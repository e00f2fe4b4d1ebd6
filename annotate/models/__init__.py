"""The records. Split by noun; imported here so that Django and its migrations find them."""

from annotate.models.audit import AuditEvent
from annotate.models.campaign import (
    Campaign,
    CampaignGenerator,
    CampaignParameters,
    Guideline,
    LabelDimension,
    LabelSchema,
    Stratum,
)
from annotate.models.generation import GenerationRequest, Generator, ImportProblem, ImportRun
from annotate.models.judgment import Judgment, Label, RankedCandidate
from annotate.models.people import Annotator, ApiToken, Consent, LanguageSkill, Membership, Session, User
from annotate.models.quality import AgreementReport, CampaignProgress, Consensus, Leaderboard, Stale
from annotate.models.release import Release, ReleaseFile, ReleaseItem, Tombstone
from annotate.models.tree import Message, MessageOrigin, MessageRevision, MessageTree
from annotate.models.work import (
    Assignment,
    AssignmentCandidate,
    Exclusion,
    Queue,
    Unit,
    UnitCandidate,
    UnitDetail,
)

__all__ = [
    "AgreementReport",
    "Annotator",
    "ApiToken",
    "Assignment",
    "AssignmentCandidate",
    "AuditEvent",
    "Campaign",
    "CampaignGenerator",
    "CampaignParameters",
    "CampaignProgress",
    "Consensus",
    "Consent",
    "Exclusion",
    "GenerationRequest",
    "Generator",
    "Guideline",
    "ImportProblem",
    "ImportRun",
    "Judgment",
    "Label",
    "LabelDimension",
    "LabelSchema",
    "LanguageSkill",
    "Leaderboard",
    "Membership",
    "Message",
    "MessageOrigin",
    "MessageRevision",
    "MessageTree",
    "Queue",
    "RankedCandidate",
    "Release",
    "ReleaseFile",
    "ReleaseItem",
    "Session",
    "Stale",
    "Stratum",
    "Tombstone",
    "Unit",
    "UnitCandidate",
    "UnitDetail",
    "User",
]
