"""What the ballots add up to: consensus, agreement and the leaderboard of generators."""

from dataclasses import dataclass, fields

from tasks.vocabulary import Coefficient, Metric


@dataclass(frozen=True, slots=True)
class ConsensusRecord:
    """The combined ranking of the candidates under one parent.

    Columns that speak of candidates (`ranks` to `p_above`) run parallel to `candidates`, which are
    in ascending order of id; that order means nothing. All numbers are rounded to six decimals, and
    tiers, ranks and the bar are derived from the rounded ones.

    tiers            best first; members of a tier are tied and listed by id
    acceptable_tiers how many leading tiers are acceptable; None when no ballot gave the bar
    candidates       ids that at least one ballot placed
    unplaced         ids that were shown, but placed by nobody: nothing is known of them
    ranks            1 + the number of candidates in better tiers: tied candidates share a rank
    scores           log-strengths, mean 0 over the candidates (0.69: twice as strong as the mean)
    standard_errors  of the scores
    bar_score        the bar on the same scale; None when no ballot gave it
    p_acceptable     P(candidate is above the bar); None when no ballot gave it
    p_best           P(candidate is the strongest), from seeded draws; they sum to 1
    p_above          p_above[i][j] = P(candidates[i] is stronger than candidates[j]); 0.5 on i = j
    placements       how many ballots placed each candidate
    ranked_pairs     the ranking by ranked pairs (Tideman), as tiers like `tiers`: beside ours, for comparison
    borda            mean share of the other candidates on a ballot that each stands above, a tie counting
                     half, in [0, 1]; None where no ballot compared it with another
    margins          margins[i][j] = (ballots with i above j less those with j above i) / those that
                     placed both, in [-1, 1]; 0 on i = j; None where no ballot placed both
    confidence       mean over pairs of |2 P(above) - 1|, in [0, 1]: the expected Kendall tau of
                     `scores` with the true order; None with fewer than two candidates
    connected        False when some candidates were never compared, not even through others or
                     through the bar: their order is then a guess of the prior
    n_ballots, n_annotators   that placed at least one candidate here
    nu               the tie parameter that was used
    input_hash       SHA-256 (hex) over everything the result depends on
    gain             expected rise of `confidence` by one more ballot of a typical annotator; None unless asked for
    """

    parent: int
    tiers: tuple[tuple[int, ...], ...]
    acceptable_tiers: int | None
    candidates: tuple[int, ...]
    unplaced: tuple[int, ...]
    ranks: tuple[int, ...]
    scores: tuple[float, ...]
    standard_errors: tuple[float, ...]
    bar_score: float | None
    p_acceptable: tuple[float, ...] | None
    p_best: tuple[float, ...]
    p_above: tuple[tuple[float, ...], ...]
    placements: tuple[int, ...]
    ranked_pairs: tuple[tuple[int, ...], ...]
    borda: tuple[float | None, ...]
    margins: tuple[tuple[float | None, ...], ...]
    confidence: float | None
    connected: bool
    n_ballots: int
    n_annotators: int
    nu: float
    method: str
    method_version: str
    seed: int
    input_hash: str
    gain: float | None = None

    @property
    def uncertainty(self) -> float | None:
        """1 - confidence, in [0, 1]; None with fewer than two candidates."""
        return None if self.confidence is None else round(1 - self.confidence, 6)

    def as_result(self) -> dict[str, object]:
        """Return the record as a mapping that `json.dumps` takes: every field by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class AgreementRecord:
    """One coefficient of agreement with its interval.

    value         None when it is undefined; `reason` then says what is missing
    low, high     95 % bootstrap interval, None when there is too little for one (see `reason`)
    n_units       units that entered: subjects, parents, or sets of candidates, by coefficient
    n_judgments   votes or ballots in those units
    n_annotators  who gave them
    resamples     bootstrap resamples asked for
    """

    coefficient: Coefficient
    metric: Metric | None
    value: float | None
    low: float | None
    high: float | None
    n_units: int
    n_judgments: int
    n_annotators: int
    reason: str | None
    resamples: int
    seed: int
    method_version: str

    def as_result(self) -> dict[str, object]:
        """Return the record as a mapping that `json.dumps` takes: every field by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class GeneratorStanding:
    """One generator's place on the leaderboard.

    component      which group of mutually comparable generators it stands in, 0 = the largest
    score          log-strength, mean 0 within the component
    low, high      95 % interval of the score; None when it cannot be given
    rank           1 + the number of generators of its component whose interval lies wholly above
                   its own: shared where intervals overlap; None without an interval
    worst_rank     the number of generators of its component less those whose interval lies wholly
                   below its own: it stands from `rank` to here; None without an interval
    comparisons    weighted number of pairs (a ballot of m candidates gives m - 1 in all)
    win_share      weighted share of those that it won, a tie counting half, in [0, 1]
    acceptable_share  share of its judged placements that stood above the bar; None without any
    n_ballots      ballots that compared it with another generator
    """

    generator: str
    component: int
    score: float
    low: float | None
    high: float | None
    rank: int | None
    comparisons: float
    win_share: float
    acceptable_share: float | None
    n_ballots: int
    worst_rank: int | None = None


@dataclass(frozen=True, slots=True)
class ModelStanding:
    """Generators that are one model under different names, and how it stands when they count as one.

    `standing` is of a comparison of its own, in which all such generators are one; None: no ballot compares it.
    """

    model_key: str
    generators: tuple[str, ...]
    standing: GeneratorStanding | None

    def as_result(self) -> dict[str, object]:
        """Return the record as a mapping that `json.dumps` takes."""
        standing = self.standing
        return {
            "model_key": self.model_key,
            "generators": list(self.generators),
            "standing": None
            if standing is None
            else {one.name: getattr(standing, one.name) for one in fields(standing)},
        }


@dataclass(frozen=True, slots=True)
class LeaderboardRecord:
    """Generators compared over one campaign.

    standings      by component, then by score, best first
    not_compared   generators that no ballot compared with another
    p_above        p_above[i][j] = P(standings[i] is stronger than standings[j]), in the order of
                   `standings`, for the first hundred of them alone; None where the two were never
                   compared, not even through others, or no interval can be given
    components     how many groups the comparisons fall into; 1 when everything is comparable
    reason         None, or a sentence about what the figures cannot say
    models         those of which several generators are one under different names
    """

    standings: tuple[GeneratorStanding, ...]
    not_compared: tuple[str, ...]
    p_above: tuple[tuple[float | None, ...], ...]
    components: int
    n_ballots: int
    n_annotators: int
    n_parents: int
    nu: float
    resamples: int
    seed: int
    method: str
    method_version: str
    reason: str | None
    models: tuple[ModelStanding, ...] = ()

    def as_result(self) -> dict[str, object]:
        """Return the record as a mapping that `json.dumps` takes, standings included."""
        result: dict[str, object] = {field.name: getattr(self, field.name) for field in fields(self)}
        result["standings"] = [
            {field.name: getattr(standing, field.name) for field in fields(standing)} for standing in self.standings
        ]
        result["models"] = [model.as_result() for model in self.models]
        return result
