"""Choices of the vocabulary as callables, so that a new word is no migration."""

from enum import StrEnum

from tasks import vocabulary

Choices = list[tuple[str, str]]


def _choices(words: type[StrEnum]) -> Choices:
    return [(word.value, word.value.replace("_", " ")) for word in words]


def campaign_states() -> Choices:
    return _choices(vocabulary.CampaignState)


def campaign_roles() -> Choices:
    return _choices(vocabulary.CampaignRole)


def presets() -> Choices:
    return _choices(vocabulary.Preset)


def release_schedules() -> Choices:
    return _choices(vocabulary.ReleaseSchedule)


def kinds() -> Choices:
    return _choices(vocabulary.Kind)


def message_roles() -> Choices:
    return _choices(vocabulary.MessageRole)


def tree_states() -> Choices:
    return _choices(vocabulary.TreeState)


def tree_reasons() -> Choices:
    return _choices(vocabulary.TreeReason)


def review_states() -> Choices:
    return _choices(vocabulary.ReviewState)


def reaction_codes() -> Choices:
    return _choices(vocabulary.ReactionCode)


def report_reasons() -> Choices:
    return _choices(vocabulary.ReportReason)


def report_states() -> Choices:
    return _choices(vocabulary.ReportState)


def proposal_states() -> Choices:
    return _choices(vocabulary.ProposalState)


def origin_kinds() -> Choices:
    return _choices(vocabulary.OriginKind)


def assignment_states() -> Choices:
    return _choices(vocabulary.AssignmentState)


def lease_grades() -> Choices:
    return _choices(vocabulary.LeaseGrade)


def skip_reasons() -> Choices:
    return _choices(vocabulary.SkipReason)


def cannot_tell_reasons() -> Choices:
    return _choices(vocabulary.CannotTellReason)


def reason_codes() -> Choices:
    return _choices(vocabulary.ReasonCode)


def answers() -> Choices:
    return _choices(vocabulary.Answer)


def widgets() -> Choices:
    return _choices(vocabulary.Widget)


def engines() -> Choices:
    return _choices(vocabulary.Engine)


def request_states() -> Choices:
    return _choices(vocabulary.RequestState)


def generation_outcomes() -> Choices:
    return _choices(vocabulary.GenerationOutcome)


def import_states() -> Choices:
    return _choices(vocabulary.ImportState)


def import_formats() -> Choices:
    return _choices(vocabulary.ImportFormat)


def release_states() -> Choices:
    return _choices(vocabulary.ReleaseState)


def stale_kinds() -> Choices:
    return _choices(vocabulary.StaleKind)


def audit_actions() -> Choices:
    return _choices(vocabulary.AuditAction)


def server_kinds() -> Choices:
    return _choices(vocabulary.ServerKind)


def model_relations() -> Choices:
    return _choices(vocabulary.ModelRelation)


def output_terms() -> Choices:
    return _choices(vocabulary.OutputTerms)


def trial_states() -> Choices:
    return _choices(vocabulary.TrialState)


def worker_states() -> Choices:
    return _choices(vocabulary.WorkerState)


def batchings() -> Choices:
    return _choices(vocabulary.Batching)


def gold_origins() -> Choices:
    return _choices(vocabulary.GoldOrigin)


def finding_kinds() -> Choices:
    return _choices(vocabulary.FindingKind)


def finding_states() -> Choices:
    return _choices(vocabulary.FindingState)


def opinion_states() -> Choices:
    return _choices(vocabulary.OpinionState)


def target_axes() -> Choices:
    return _choices(vocabulary.TargetAxis)


def prompt_lengths() -> Choices:
    return _choices(vocabulary.PromptLength)


def self_questions() -> Choices:
    return _choices(vocabulary.SelfQuestion)


def simulation_states() -> Choices:
    return _choices(vocabulary.SimulationState)


def brief_origins() -> Choices:
    return _choices(vocabulary.BriefOrigin)


def policy_names() -> Choices:
    return _choices(vocabulary.PolicyName)
