"""The pure part of the ranking widget, run where it runs: thousands of sequences of changes keep its promises."""

from __future__ import annotations

import pytest

from tests.web.widget_browser import Desk

pytestmark = pytest.mark.browser

#: Takes {seed, walks, steps, keys}; gives the promises that were broken, each with the changes that led there.
WALK = """async ({seed, walks, steps, keys}) => {
  const R = await import("/static/site/js/ranking-state.js");
  let x = seed;
  const dice = (n) => Math.floor((x = (x * 48271) % 2147483647) / 65536) % n;
  const one = (list) => list[dice(list.length)];
  const CHANGES = {
    better: (s) => R.better(s, one(keys)),
    worse: (s) => R.worse(s, one(keys)),
    tie: (s) => R.tie(s, one(keys)),
    remove: (s) => R.remove(s, one(keys)),
    place: (s) => R.moveTo(s, one(keys)),
    drop: (s) => R.moveTo(s, one(keys), {[one(["tie", "before", "after"])]: one(keys)}),
    line: (s) => R.cycleBar(s),
    setLine: (s) => R.setBar(s, dice(9)),
    rest: (s) => R.restLast(s),
    allBad: (s) => R.allBad(s),
    agree: (s) => R.asShown(s),
  };
  const shape = (s) => R.asText({...s, rows: s.rows.map((row) => (row === R.BAR ? row : [...row].sort()))});
  const broken = [];
  const reached = new Set();
  for (let walk = 0; walk < walks; walk++) {
    let state = R.emptyRanking(keys);
    const way = [];
    for (let step = 0; step < steps; step++) {
      const before = state;
      const frozen = JSON.stringify(before);
      const name = one(Object.keys(CHANGES));
      state = CHANGES[name](before);
      way.push(name);
      const fail = (promise) => broken.push([promise, ...way.slice(-6), shape(before), shape(state)]);
      if (JSON.stringify(before) !== frozen) fail("the state before is never changed");
      const placed = R.tiersOf(state).flat();
      if (new Set(placed).size !== placed.length) fail("a key has one place");
      if (placed.some((key) => !keys.includes(key))) fail("only keys have places");
      if (R.tiersOf(state).some((tier) => !tier.length)) fail("a tier is never empty");
      if (state.rows.filter((row) => row === R.BAR).length > 1) fail("there is one line");
      if (placed.length + R.unplaced(state).length !== keys.length) fail("a key is placed or not");
      const fields = R.asFields(state);
      const read = R.fromFields(keys, Object.fromEntries(fields.tiers), String(fields.acceptable), fields.restWorse);
      if (shape(read) !== shape(state)) fail("fields carry the whole ranking");
      if (name === "rest" && R.unplaced(state).length) fail("the rest is complete");
      if (name === "allBad" && (R.unplaced(state).length || R.acceptableTiers(state) !== 0)) fail("all bad is all, and bad");
      if (name === "agree" && R.tiersOf(before).length && state !== before) fail("only what is untouched is agreed with");
      if (name === "remove" && placed.length > R.tiersOf(before).flat().length) fail("removing takes out");
      reached.add(shape(state));
    }
  }
  return {broken: broken.slice(0, 5), reached: reached.size};
}"""


@pytest.mark.parametrize("keys", ["a", "ab", "abcd", "abcdefgh"])
def test_every_way_of_changing_a_ranking_keeps_its_promises(desk: Desk, keys: str):
    page = desk.open()
    seen = page.evaluate(WALK, {"seed": 4711 + len(keys), "walks": 300, "steps": 40, "keys": list(keys)})
    assert seen["broken"] == []
    assert seen["reached"] >= {1: 4, 2: 15, 4: 300, 8: 3000}[len(keys)]


@pytest.mark.parametrize(("change", "back"), [("better", "worse"), ("worse", "better")])
def test_a_step_and_its_counter_step_lead_back(desk: Desk, change: str, back: str):
    page = desk.open()
    back_again = page.evaluate(
        """async ([change, back]) => {
          const R = await import("/static/site/js/ranking-state.js");
          const keys = ["a", "b", "c"];
          const start = {keys, rest: [], rows: [["a"], ["b"], R.BAR, ["c"]]};
          return keys.map((key) => [start, R[change](start, key)])
            .filter(([from, to]) => R.asText(to) !== R.asText(from))
            .map(([from, to], i) => keys.map((key) => R.asText(R[back](to, key))).includes(R.asText(from)));
        }""",
        [change, back],
    )
    assert back_again == [True, True]


def test_gaps_between_tiers_are_closed_and_the_line_stays_where_it_was(desk: Desk):
    page = desk.open()
    text = page.evaluate("""async () => {
      const R = await import("/static/site/js/ranking-state.js");
      return R.asText(R.fromFields(["a", "b", "c"], {a: 3, b: 1, c: 7}, "3"));
    }""")
    assert text == "b > a | c"
