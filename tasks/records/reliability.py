"""How reliable annotators are: their sharpness and their agreement with the others, and what gold items say."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class GoldBallot:
    """How one annotator did on one item whose answer is known.

    annotator  an opaque key, as in `tasks.records.ballots.Ballot`
    score      1 all right, 0 all wrong; what a coin gets on average is 1/2
    """

    annotator: str
    score: float

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise ValueError(f"The score on a gold item is a share from 0 to 1, not {self.score}.")


@dataclass(frozen=True, slots=True)
class AnnotatorReliabilityRecord:
    """One annotator's reliability. All numbers are finite and rounded to six decimals.

    sharpness       how closely their rankings follow what is common to all: 1 for a typical annotator
                    and for one of whom nothing is known, 0 for a coin; at most 3
    low, high       95 % interval of it; 0 <= low <= sharpness <= high
    agreement       mean Kendall tau-b of their ballots with the consensus of the others on the same
                    parents, in [-1, 1]; None without a ballot that can be compared with others
    agreement_low, agreement_high   95 % interval of it; None where it is None
    n_ballots       ballots that placed something
    n_shared        of these, the ones behind `agreement`
    n_gold          gold items answered
    gold_right      sum of their scores on them, in [0, n_gold]
    """

    annotator: str
    sharpness: float
    low: float
    high: float
    agreement: float | None
    agreement_low: float | None
    agreement_high: float | None
    n_ballots: int
    n_shared: int
    n_gold: int
    gold_right: float


@dataclass(frozen=True, slots=True)
class ReliabilityRecord:
    """The reliability of all annotators of a campaign, from its ballots and gold items.

    annotators    by key, ascending; everybody with a ballot or a gold item
    n_ballots     that placed something
    agreement     mean of the annotators' agreement, each counting once; None when nobody has one
    gold_score    the mean score that a typical annotator is taken to have on gold items; None without any
    nu            the tie parameter that was used
    rounds        how often sharpness and consensus were fitted to each other
    input_hash    SHA-256 (hex) over everything the result depends on
    """

    annotators: tuple[AnnotatorReliabilityRecord, ...]
    n_ballots: int
    agreement: float | None
    gold_score: float | None
    nu: float
    rounds: int
    method: str
    method_version: str
    seed: int
    input_hash: str

    @property
    def n_annotators(self) -> int:
        """How many annotators it speaks of."""
        return len(self.annotators)

    def as_weights(self) -> dict[str, float]:
        """Return each annotator's sharpness by key, as `combine_rankings` takes it."""
        return {one.annotator: one.sharpness for one in self.annotators}

    def as_result(self) -> dict[str, object]:
        """Return what holds of all together, as a mapping that `json.dumps` takes; annotators are rows of their own."""
        result: dict[str, object] = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name != "annotators"
        }
        return {**result, "n_annotators": self.n_annotators}


@dataclass(frozen=True, slots=True)
class LabellerRecord:
    """How one annotator uses the values of one label dimension.

    n_votes     answers that have a value
    n_shared    of these, on subjects that somebody else gave a value too
    accuracy    expected share of those on which they gave the subject's true value, their own votes left out of what
                is taken for true; None without any
    confusion   confusion[i][j] = P(they say values[j] | the truth is values[i]), smoothed towards being right
    """

    annotator: str
    n_votes: int
    n_shared: int
    accuracy: float | None
    confusion: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """The votes on one label dimension read together: the true value of each subject, and who confuses what.

    values     that were given, ascending; shares[k] is how often the truth is values[k]
    subjects   by id; scores run parallel to them
    scores     scores[s][k]: how much speaks for values[k] in subject s, adding up to 1. No probability:
               on real data they are too sure of themselves.
    """

    dimension: str
    values: tuple[float, ...]
    shares: tuple[float, ...]
    subjects: tuple[int, ...]
    scores: tuple[tuple[float, ...], ...]
    annotators: tuple[LabellerRecord, ...]
    rounds: int
    method: str
    method_version: str
