// A pair of trainings that share a seed: the same rows, the same initial weights where shapes agree
// and the same batches, for a baseline without any technique and for the treatment.

import { dataOf, REACH } from "./data.js";
import { Network } from "./network.js";
import { optimizerOf } from "./optimizers.js";
import { Random } from "./random.js";

export const GRID = 40; // the decision surface is GRID x GRID probabilities
export const SHOWN_DIGITS = 8;
export const ARMS = ["baseline", "treatment"];
// What is measured after an epoch, for each arm, in this order.
export const MEASURED = [
  "training accuracy",
  "training loss",
  "held-out accuracy",
  "held-out loss",
  "validation loss",
];

const BOARD = Float64Array.from({ length: GRID * GRID * 2 }, (_, k) => {
  const cell = k >> 1;
  const at = k % 2 ? Math.floor(cell / GRID) : cell % GRID;
  return (((at + 0.5) / GRID) * 2 - 1) * REACH;
});

export class Pair {
  constructor(settings, seed, pool = null) {
    this.seed = seed;
    this.epochs = 0;
    this.data = dataOf(settings, seed, pool);
    this.batch = Math.min(settings.batch, this.data.train.count);
    this.order = new Random(seed, "batches");
    this.rows = Int32Array.from({ length: this.data.train.count }, (_, k) => k);
    const nothing = { dropout: 0, batch_normalization: false, l2: 0 };
    this.arms = ARMS.map((arm) => this.arm({ ...settings, ...(arm === "baseline" && nothing) }));
  }

  arm(settings) {
    const { features, classes } = this.data;
    const widths = Array(settings.depth).fill(settings.width);
    const shape = { ...settings, features, classes, widths };
    const network = new Network(shape, this.batch, new Random(this.seed, "weights"));
    const optimizer = optimizerOf(settings, network.parameters.length);
    return { network, optimizer, draw: new Random(this.seed, "dropout") };
  }

  // Trains both for one pass over the rows; for each arm the numbers named in MEASURED.
  epoch() {
    this.order.shuffle(this.rows);
    for (let start = 0; start < this.rows.length; start += this.batch) {
      const rows = this.rows.subarray(start, start + this.batch);
      for (const { network, optimizer, draw } of this.arms)
        network.step(this.data.train, rows, optimizer, draw);
    }
    this.epochs += 1;
    return this.arms.map(({ network }) => {
      const [train, heldOut, validation] = ["train", "heldOut", "validation"].map((name) =>
        network.evaluate(this.data[name])
      );
      return [train.accuracy, train.loss, heldOut.accuracy, heldOut.loss, validation.loss];
    });
  }

  // What can be seen of the networks: probabilities of both, on a board of points or of some digits.
  get pictures() {
    const { features, heldOut } = this.data;
    const [x, count] = features === 2 ? [BOARD, GRID * GRID] : [heldOut.x, SHOWN_DIGITS];
    return this.arms.map(({ network }) => network.probabilities(x, count));
  }

  // For each hidden layer the units that the last step dropped for its first row, as 1.
  get dropped() {
    return this.arms[1].network.layers
      .filter((layer) => layer.mask)
      .map(({ mask, units }) => Array.from(mask.subarray(0, units), (kept) => Number(kept === 0)));
  }
}
