// The interval of a mean and the verdict on it, as `utils/intervals.py` and `utils/claims.py` have
// them, for one number of each seed.

export const CONFIDENCE = 0.95;
export const SMALLEST_EFFECT = { accuracy: 0.01, loss: 0.02 };
export const VERDICTS = ["supported", "opposite found", "no difference", "undecided"];

// Lower and upper bound of the mean; NaN where a value is not finite. At least two values.
export function confidenceInterval(values, level = CONFIDENCE) {
  if (!values.every(Number.isFinite)) return [NaN, NaN];
  const count = values.length;
  const mean = meanOf(values);
  if (Math.max(...values) === Math.min(...values)) return [mean, mean];
  const deviation = Math.sqrt(
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)
  );
  const error = deviation / Math.sqrt(count);
  const reach = tQuantile((1 + level) / 2, count - 1);
  let [below, above] = [reach, reach];
  if (count > 2) {
    const cubes = values.reduce((sum, value) => sum + ((value - mean) / deviation) ** 3, 0);
    const skew = (cubes * count) / ((count - 1) * (count - 2));
    below = Math.max(reach, withoutSkew(reach, skew, count));
    above = Math.max(reach, -withoutSkew(-reach, skew, count));
  }
  return [mean - below * error, mean + above * error];
}

export function meanOf(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

// Hall's transformation (1992), inverted.
function withoutSkew(t, skew, count) {
  const a = skew / (3 * Math.sqrt(count));
  const b = skew / (6 * Math.sqrt(count));
  if (Math.abs(a) < 1e-9) return t;
  return (Math.cbrt(1 + 3 * a * (t - b)) - 1) / a;
}

// One of VERDICTS; direction is what was expected, "higher" or "lower".
export function verdictOf([low, high], smallestEffect, direction) {
  if (direction === "lower") [low, high] = [-high, -low];
  if (low > smallestEffect) return VERDICTS[0];
  if (high < -smallestEffect) return VERDICTS[1];
  if (-smallestEffect <= low && high <= smallestEffect) return VERDICTS[2];
  return VERDICTS[3];
}

const quantiles = new Map();

// Quantile of Student's t for a probability of at least 0.5, by bisection.
export function tQuantile(probability, freedom) {
  const key = `${probability} ${freedom}`;
  if (!quantiles.has(key)) {
    let [low, high] = [0, 1];
    while (tail(high, freedom) > 1 - probability) high *= 2;
    for (let k = 0; k < 60; k++) {
      const middle = (low + high) / 2;
      if (tail(middle, freedom) > 1 - probability) low = middle;
      else high = middle;
    }
    quantiles.set(key, (low + high) / 2);
  }
  return quantiles.get(key);
}

// How probable it is that Student's t is above a positive number.
function tail(t, freedom) {
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
}

// The regularized incomplete beta function, by its continued fraction (DLMF 8.17.22).
function incompleteBeta(x, a, b) {
  if (x <= 0 || x >= 1) return Number(x >= 1);
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const tiny = 1e-300;
  let [c, d] = [1, 1 / (1 - ((a + b) * x) / (a + 1) || tiny)];
  let fraction = d;
  for (let m = 1; m < 300; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    for (const term of [even, odd]) {
      d = 1 / (1 + term * d || tiny);
      c = 1 + term / c || tiny;
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  const front = logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x);
  return (Math.exp(front) * fraction) / a;
}

// Stirling's series, after the argument has been made large.
function logGamma(x) {
  let shift = 0;
  for (; x < 15; x++) shift += Math.log(x);
  const series = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5);
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series - shift;
}
