// One run of the playground: pairs of trainings, spread over workers, and what they have measured.

import { ARMS } from "./pair.js";

const MOST_WORKERS = 4;
const workers = []; // kept from one run to the next
let runs = 0;

function start() {
  const count = Math.max(1, Math.min(MOST_WORKERS, navigator.hardwareConcurrency || 2));
  while (workers.length < count)
    workers.push(new Worker(new URL("worker.js", import.meta.url), { type: "module" }));
}

export class Run {
  // settings: as the form has them; pool: see data.js; changed: called after every message;
  // failed: called where no worker can be started.
  constructor(settings, pool, changed, failed) {
    start();
    this.id = ++runs;
    this.target = 0;
    this.pairs = new Map(); // for each seed the measured epochs of both arms
    this.counted = []; // seeds that are judged; one that comes late has to catch up first
    this.pictures = new Map(); // for each seed the probabilities of both networks
    this.dropped = null;
    for (const worker of workers) {
      worker.onmessage = ({ data }) => data.run === this.id && this.take(data, changed);
      worker.onerror = failed;
      worker.postMessage({ run: this.id, settings, pool });
    }
    this.add(settings.seeds);
    this.counted = [...this.pairs.keys()];
  }

  add(count) {
    const first = this.pairs.size + 1;
    const seeds = Array.from({ length: count }, (_, k) => first + k);
    for (const seed of seeds)
      this.pairs.set(seed, Object.fromEntries(ARMS.map((arm) => [arm, []])));
    workers.forEach((worker, k) =>
      worker.postMessage({ seeds: seeds.filter((seed) => seed % workers.length === k) })
    );
  }

  trainTo(target) {
    this.target = target;
    for (const worker of workers) worker.postMessage({ target });
  }

  pause() {
    this.trainTo(0);
  }

  show(seed) {
    for (const worker of workers) worker.postMessage({ shown: seed });
  }

  take({ measured, pictures, dropped }, changed) {
    for (const [seed, numbers] of measured) {
      const pair = this.pairs.get(seed);
      ARMS.forEach((arm, k) => pair[arm].push(numbers[k]));
    }
    for (const [seed, seen] of pictures) this.pictures.set(seed, seen);
    if (dropped) this.dropped = dropped;
    const epoch = this.epoch;
    for (const [seed, pair] of this.pairs)
      if (!this.counted.includes(seed) && pair.baseline.length >= epoch) this.counted.push(seed);
    changed();
  }

  // The epoch that all counted pairs have reached.
  get epoch() {
    return Math.min(...this.counted.map((seed) => this.pairs.get(seed).baseline.length));
  }

  get busy() {
    return [...this.pairs.values()].some((pair) => pair.baseline.length < this.target);
  }

  // The counted pairs, in the order of their seeds, up to the epoch that all have reached.
  get measured() {
    const epoch = this.epoch;
    return [...this.counted]
      .sort((a, b) => a - b)
      .map((seed) => {
        const pair = this.pairs.get(seed);
        return Object.fromEntries(ARMS.map((arm) => [arm, pair[arm].slice(0, epoch)]));
      });
  }
}
