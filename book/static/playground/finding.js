// What the pairs say: the effect of the treatment after every epoch, its interval, its verdict, and
// the sentence about it.

import { confidenceInterval, meanOf, SMALLEST_EFFECT, verdictOf, VERDICTS } from "./interval.js";
import { ARMS, MEASURED } from "./pair.js";

const DIRECTION = { accuracy: "higher", loss: "lower" };
const VALIDATION = MEASURED.indexOf("validation loss");

// The numbers of one network by which it is judged, one for each budget: those after the last
// epoch, or, if it may stop early, those after the epoch of the lowest validation loss so far.
//
// history: what was measured after each epoch, shape (epochs, MEASURED); metric: one of "accuracy"
// and "loss".
export function judged(history, metric, stops) {
  const column = MEASURED.indexOf(`held-out ${metric}`);
  let best = 0;
  return history.map((numbers, epoch) => {
    if (numbers[VALIDATION] < history[best][VALIDATION]) best = epoch;
    return history[stops ? best : epoch][column];
  });
}

// Paired differences of two series for each seed, shape (seeds, epochs): effect and interval after
// each epoch, and the verdict after the last.
function compare(treatment, baseline, metric) {
  const curve = treatment[0].map((_, epoch) => {
    const differences = treatment.map((series, seed) => series[epoch] - baseline[seed][epoch]);
    const interval = confidenceInterval(differences);
    return { effect: Number.isFinite(interval[0]) ? meanOf(differences) : NaN, interval };
  });
  const { effect, interval } = curve.at(-1);
  return { curve, effect, interval, verdict: verdict(interval, metric) };
}

export function verdict(interval, metric) {
  return verdictOf(interval, SMALLEST_EFFECT[metric], DIRECTION[metric]);
}

// All that is said about some pairs.
//
// pairs: [{baseline, treatment}, ...], at least two, with histories of one length; settings: as the
// form has them. The result holds the counts `pairs` and `epochs`, and effect, interval, verdict and
// curve of the treatment against the baseline; `of` are the pairs themselves.
export function findingOf(pairs, settings, metric) {
  const series = (arm, stops) => pairs.map((pair) => judged(pair[arm], metric, stops));
  const [baseline, treatment] = ARMS;
  const plain = series(baseline, false);
  const found = compare(series(treatment, settings.early_stopping), plain, metric);
  const smallest = SMALLEST_EFFECT[metric];
  const epochs = plain[0].length;
  return { ...found, metric, settings, smallest, pairs: pairs.length, epochs, of: pairs };
}

// The same finding with the first pairs only.
export function withFewer({ of, settings, metric }, count) {
  return findingOf(of.slice(0, count), settings, metric);
}

// Early stopping alone against the rest of the treatment without it, in accuracy.
export function stoppingAgainstTechnique({ of }) {
  const stopped = of.map((pair) => judged(pair.baseline, "accuracy", true));
  const technique = of.map((pair) => judged(pair.treatment, "accuracy", false));
  return compare(stopped, technique, "accuracy");
}

// Mean of both arms after every epoch and a band over the seeds, for the learning curves.
export function learningCurves(pairs, metric) {
  const curves = [];
  for (const arm of ARMS)
    for (const part of ["training", "held-out"]) {
      const column = MEASURED.indexOf(`${part} ${metric}`);
      const points = pairs[0][arm].map((_, epoch) => {
        const values = pairs.map((pair) => pair[arm][epoch][column]);
        return [meanOf(values), ...confidenceInterval(values)];
      });
      curves.push({ arm, part, points });
    }
  return curves;
}

// Words

const TECHNIQUES = {
  dropout: "dropout",
  batch_normalization: "batch normalization",
  l2: "an L2 penalty",
  early_stopping: "early stopping",
};

export function techniquesOf(settings) {
  return Object.keys(TECHNIQUES).filter((name) => settings[name]);
}

export function subjectOf(settings) {
  const names = techniquesOf(settings).map((name) => TECHNIQUES[name]);
  const last = names.pop();
  return names.length ? `${names.join(", ")} and ${last}` : (last ?? "nothing");
}

export function sentenceOf({ settings, effect, interval, verdict, metric, smallest }) {
  const subject = subjectOf(settings);
  const what = `held-out ${metric}`;
  const share = Math.round(100 * settings.wrong);
  const context = share ? `With ${share} % wrong labels` : "With right labels";
  if (!techniquesOf(settings).length)
    return `Nothing is switched on, and the two networks differ by ${number(effect)}.`;
  if (!Number.isFinite(effect))
    return `${context}, a training diverged: its loss is no number, and nothing can be said.`;
  if (verdict === VERDICTS[2]) return `${context}, ${subject} changed the ${what} by less than ${smallest}.`;
  if (verdict === VERDICTS[3])
    return `${context}, it is undecided whether ${subject} changed the ${what} by more than ${smallest}.`;
  const way = interval[0] > 0 ? "raised" : "lowered";
  return `${context}, ${subject} ${way} the ${what} by ${number(Math.abs(effect))}.`;
}

export function number(value, places = 3) {
  if (!Number.isFinite(value)) return "no number";
  const text = Math.abs(value).toFixed(places);
  return value < 0 && Number(text) ? `\u2212${text}` : text;
}

export function signed(value, places = 3) {
  const text = number(value, places);
  return Number(text) > 0 ? `+${text}` : text;
}
