// Challenges: what a reader may try to find, when it counts as found, and one setting in which it
// is. All are judged in accuracy, by at least FEWEST pairs.

import { VERDICTS } from "./interval.js";
import { stoppingAgainstTechnique, techniquesOf, verdict, withFewer } from "./finding.js";

const FEWEST = 8;
const LASTING = 5; // epochs
const [SUPPORTED, OPPOSITE, NO_DIFFERENCE, UNDECIDED] = VERDICTS;
const only = (finding, name) => String(techniquesOf(finding.settings)) === name;

// Whether one of some verdicts was reached earlier, for several epochs in a row: of a hundred
// intervals a few miss by chance.
function before(finding, wanted) {
  let row = 0;
  return finding.curve.some(({ interval }) => {
    row = wanted.includes(verdict(interval, "accuracy")) ? row + 1 : 0;
    return row === LASTING;
  });
}

export const CHALLENGES = [
  {
    name: "helps",
    text: "Make dropout alone help: an interval that lies above +0.01.",
    reached: (finding) => only(finding, "dropout") && finding.verdict === SUPPORTED,
    state: "data=digits&rows=100&wrong=0.4&width=32&depth=1&epochs=60&dropout=0.5",
  },
  {
    name: "harms",
    text: "Find a setting in which dropout alone does harm: an interval that lies below \u22120.01.",
    reached: (finding) => only(finding, "dropout") && finding.verdict === OPPOSITE,
    state: "data=spirals&rows=200&wrong=0&width=8&depth=2&epochs=60&dropout=0.5",
  },
  {
    name: "bn-fails",
    text: "Make batch normalization alone fail: an interval that lies below \u22120.01.",
    reached: (finding) => only(finding, "batch_normalization") && finding.verdict === OPPOSITE,
    state: "data=spirals&rows=200&wrong=0&width=16&depth=2&batch=2&epochs=20&dropout=0&batch_normalization=1",
  },
  {
    name: "stopping",
    text: "Switch on dropout and early stopping, and make stopping the baseline early worth more than dropout without stopping, by more than 0.01.",
    reached: (finding) =>
      only(finding, "dropout,early_stopping") &&
      stoppingAgainstTechnique(finding).verdict === SUPPORTED,
    state: "data=spirals&rows=200&wrong=0&width=8&depth=2&epochs=60&dropout=0.5&early_stopping=1",
  },
  {
    name: "vanishes",
    text: "Make an effect vanish by training longer: clear for five epochs in a row, no difference at the end.",
    reached: (finding) =>
      finding.verdict === NO_DIFFERENCE &&
      (before(finding, [SUPPORTED]) || before(finding, [OPPOSITE])),
    state: "data=circles&rows=200&wrong=0&width=16&depth=2&learning_rate=0.003&epochs=60&dropout=0&batch_normalization=1",
  },
  {
    name: "turns",
    text: "Make an effect turn into its opposite by training longer: clear one way for five epochs in a row, and the other way at the end.",
    reached: (finding) =>
      (finding.verdict === SUPPORTED && before(finding, [OPPOSITE])) ||
      (finding.verdict === OPPOSITE && before(finding, [SUPPORTED])),
    state: "data=digits&rows=100&wrong=0.4&width=32&depth=1&epochs=60&dropout=0.5",
  },
  {
    name: "seeds",
    text: "Find an effect that 8 pairs leave undecided and more pairs decide.",
    reached: (finding) =>
      finding.pairs > 8 &&
      finding.verdict !== UNDECIDED &&
      withFewer(finding, 8).verdict === UNDECIDED,
    state: "data=moons&rows=60&wrong=0.1&width=16&depth=2&epochs=25&seeds=24&dropout=0&batch_normalization=1",
  },
];

// Names of the challenges that a finding in accuracy meets.
export function reachedBy(finding) {
  if (finding.pairs < FEWEST || !Number.isFinite(finding.effect)) return [];
  return CHALLENGES.filter((challenge) => challenge.reached(finding)).map(({ name }) => name);
}
