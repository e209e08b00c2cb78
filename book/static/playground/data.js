// Rows and labels, drawn anew by each seed: to train on, to stop by (validation) and to judge by
// (held out). Labels are made wrong in the first two parts; the held-out ones are right.

import { Random } from "./random.js";

export const HELD_OUT = 400;
export const VALIDATION = 200;
export const REACH = 2; // points lie between -REACH and REACH
export const FEWEST_POINTS = 20; // that a reader has to draw, half of them of each class

const SHAPES = {
  moons(label, random) {
    const angle = Math.PI * random.uniform();
    const x = label ? 0.5 - Math.cos(angle) : Math.cos(angle) - 0.5;
    const y = label ? 0.25 - Math.sin(angle) : Math.sin(angle) - 0.25;
    return [x + 0.2 * random.normal(), y + 0.2 * random.normal()];
  },
  circles(label, random) {
    const angle = 2 * Math.PI * random.uniform();
    const radius = label ? 0.6 : 1.3;
    return [
      radius * Math.cos(angle) + 0.18 * random.normal(),
      radius * Math.sin(angle) + 0.18 * random.normal(),
    ];
  },
  spirals(label, random) {
    const along = Math.sqrt(random.uniform());
    const angle = 3 * Math.PI * along + Math.PI * label;
    return [
      1.6 * along * Math.cos(angle) + 0.07 * random.normal(),
      1.6 * along * Math.sin(angle) + 0.07 * random.normal(),
    ];
  },
};

// All that a seed trains on and is judged by.
//
// settings: data, rows (to train on), wrong (share of wrong labels); seed: a whole number;
// pool: for digits and drawn points all rows that there are, as `pool` gives them.
// Returns {features, classes, train, validation, heldOut}; a part is {count, x, y, wrong} with x of
// shape (count, features), row by row, and wrong[k] = 1 where the label k is a wrong one.
export function dataOf(settings, seed, pool = null) {
  const parts = SHAPES[settings.data] ? drawn(settings, seed) : cut(settings, seed, pool);
  const [features, classes] = SHAPES[settings.data] ? [2, 2] : [pool.features, pool.classes];
  const [heldOut, validation, train] = parts;
  const random = new Random(seed, "wrong labels");
  mislabel(train, settings.wrong, classes, random);
  mislabel(validation, settings.wrong, classes, random);
  return { features, classes, train, validation, heldOut };
}

function part(count, features) {
  return {
    count,
    x: new Float64Array(count * features),
    y: new Int32Array(count),
    wrong: new Uint8Array(count),
  };
}

function drawn({ data, rows }, seed) {
  const random = new Random(seed, "rows");
  return [HELD_OUT, VALIDATION, rows].map((count) => {
    const made = part(count, 2);
    for (let k = 0; k < count; k++) {
      made.y[k] = k % 2;
      made.x.set(SHAPES[data](made.y[k], random), 2 * k);
    }
    return made;
  });
}

function cut({ data, rows }, seed, { features, count, x, y }) {
  const order = new Random(seed, "rows").permutation(count);
  const sizes = data === "digits" ? [HELD_OUT, VALIDATION] : [count * 0.3, count * 0.2];
  let taken = 0;
  return [...sizes, rows].map((size) => {
    const made = part(Math.min(Math.floor(size), count - taken), features);
    for (let k = 0; k < made.count; k++) {
      const row = order[taken + k];
      made.x.set(x.subarray(row * features, (row + 1) * features), k * features);
      made.y[k] = y[row];
    }
    taken += made.count;
    return made;
  });
}

// Gives a share of the rows, chosen at random, one of the other labels.
function mislabel({ count, y, wrong }, share, classes, random) {
  const chosen = random.permutation(count).subarray(0, Math.round(share * count));
  for (const row of chosen) {
    y[row] = (y[row] + 1 + random.below(classes - 1)) % classes;
    wrong[row] = 1;
  }
}

// Digits as the build writes them: a letter for each of 64 pixels, from "a" for 0 to "q" for 16.
export function digitsPool({ pixels, labels }) {
  return {
    features: 64,
    classes: 10,
    count: labels.length,
    x: Float64Array.from(pixels, (letter) => (letter.charCodeAt(0) - 97) / 16),
    y: Int32Array.from(labels, Number),
  };
}

// Drawn points stand in the address: two letters for a place on a board of 64 x 64, the points of
// the first class, a dot, and the points of the second.
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export function place(across) {
  return Math.max(0, Math.min(63, Math.floor(((across + REACH) / (2 * REACH)) * 64)));
}

export function pointsText(points) {
  const of = (label) =>
    points
      .filter((point) => point.label === label)
      .map(({ x, y }) => LETTERS[place(x)] + LETTERS[place(y)])
      .join("");
  return `${of(0)}.${of(1)}`;
}

// The points of a text, each place at most once; whatever is no point is left out.
export function pointsOf(text) {
  const found = new Map();
  text.split(".", 2).forEach((letters, label) => {
    for (const pair of letters.match(/[\w-]{2}/g) ?? []) {
      const [x, y] = [...pair].map((letter) => ((LETTERS.indexOf(letter) + 0.5) / 32 - 1) * REACH);
      found.set(pair, { x, y, label });
    }
  });
  return [...found.values()];
}

export function drawnPool(points) {
  return {
    features: 2,
    classes: 2,
    count: points.length,
    x: Float64Array.from(points.flatMap(({ x, y }) => [x, y])),
    y: Int32Array.from(points, ({ label }) => label),
  };
}
