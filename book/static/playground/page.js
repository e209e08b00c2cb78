// The page of the playground: its controls, its words, and when something is drawn.

import { Board } from "./board.js";
import { CHALLENGES, reachedBy } from "./challenges.js";
import { dataOf, digitsPool, drawnPool, FEWEST_POINTS, pointsOf } from "./data.js";
import * as drawing from "./drawing.js";
import { Fields } from "./fields.js";
import { findingOf, learningCurves, number, sentenceOf, signed, subjectOf, techniquesOf } from "./finding.js";
import { VERDICTS } from "./interval.js";
import { ARMS, SHOWN_DIGITS } from "./pair.js";
import { Run } from "./run.js";

const MORE_SEEDS = 8;
const QUIET = 2000; // milliseconds between two announcements
const FRAME = 120; // milliseconds between two drawings while networks train
const ROLES = ["supported", "opposite", "no-difference", "undecided"];
const SIGNS = ["✓", "✗", "≈", "?"];
const WORDS = ["it helps", "it does harm", "no difference", "undecided"]; // for each of VERDICTS
const ONLY_JUDGING = ["metric", "early_stopping"]; // settings that need no other training

class Playground {
  constructor(root) {
    this.root = root;
    this.whole = this.find(".playground-whole"); // the link that a small version has
    this.fields = new Fields(this.find("form"));
    this.reached = new Set();
    this.board = new Board(
      this.find(".playground-board"),
      (text) => this.points(text),
      () => this.change("points")
    );
    const press = (name, action) =>
      this.find(`[data-press=${name}]`)?.addEventListener("click", action);
    press("train", () => this.train());
    press("step", () => this.trainTo((this.run?.epoch ?? 0) + 1));
    press("more", () => this.addSeeds());
    press("reset", () => this.reset());
    const form = this.find("form");
    form.addEventListener("submit", (event) => event.preventDefault());
    root.addEventListener("input", ({ target }) => target.name && this.change(target.name));
    this.seedChoice = this.find("[data-choice=seed]");
    this.seedChoice.addEventListener("change", () => this.showSeed());
    this.listChallenges();
    addEventListener("hashchange", () => this.read());
    // Not before it is used: the theme takes what follows "#" in any link for a place on the page.
    for (const use of ["pointerdown", "click"])
      this.whole?.addEventListener(use, () => (this.whole.hash = this.fields.text));
    new ResizeObserver(() => this.redraw()).observe(root);
    new MutationObserver(() => this.redraw()).observe(document.documentElement, {
      attributeFilter: ["data-theme"],
    });
    this.fields.text = "";
    if (!this.read()) this.reset();
    for (const button of root.querySelectorAll(".playground-bar button")) button.disabled = false;
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  // The address

  read() {
    if (this.whole) return false;
    const text = location.hash.slice(1);
    if (!text.includes("=")) return false; // a heading of the page
    if (text !== this.written) this.take(text);
    return true;
  }

  async take(text) {
    this.fields.text = text;
    const { complaints } = this.fields;
    this.find(".playground-complaints").textContent = complaints.length
      ? `Changed in the address: ${complaints.join("; ")}.`
      : "";
    this.write();
    await this.reset();
  }

  // Trains with one way to meet a challenge, where the reader sees it.
  async demonstrate(text) {
    this.find(".playground-bar").scrollIntoView({ block: "start" });
    this.find("[data-press=train]").focus({ preventScroll: true });
    await this.take(text);
    this.train();
  }

  write() {
    this.written = this.fields.text;
    if (!this.whole) history.replaceState(null, "", `#${this.written}`);
  }

  points(text) {
    if (text !== undefined) this.fields.set("points", text);
    return this.fields.settings.points;
  }

  // What a reader does

  change(name) {
    const settings = this.fields.settings;
    this.find(".playground-complaints").textContent = "";
    this.write();
    if (ONLY_JUDGING.includes(name)) return this.redraw();
    const more = settings.seeds - (this.run?.pairs.size ?? 0);
    if (name === "epochs" && this.run?.epoch <= settings.epochs) {
      if (this.run.busy) this.run.trainTo(settings.epochs);
      this.redraw();
    } else if (name === "seeds" && this.run && more >= 0) {
      this.run.add(more);
      this.redraw();
    } else this.reset();
  }

  train() {
    if (this.run?.busy) {
      this.run.pause();
      this.progress(this.fields.settings);
    } else this.trainTo(this.fields.settings.epochs);
  }

  addSeeds() {
    const most = Number(this.find("[name=seeds]").max);
    const seeds = Math.min(most, this.fields.settings.seeds + MORE_SEEDS);
    this.fields.set("seeds", seeds);
    this.write();
    if (!this.run) return this.train();
    this.run.add(seeds - this.run.pairs.size);
    this.trainTo(Math.max(this.run.target, this.run.epoch, 1));
  }

  trainTo(epoch) {
    if (!this.ready || epoch > this.fields.settings.epochs) return;
    this.run ??= new Run(this.settings, this.pool, () => this.redraw(), () =>
      this.problem("The trainings could not be started in this browser.")
    );
    this.run.show(this.shown);
    this.run.trainTo(epoch);
    this.progress(this.fields.settings);
  }

  // Forgets what was trained, and gets the rows of the settings ready.
  async reset() {
    this.run?.pause();
    this.run = null;
    this.announced = null;
    const settings = this.fields.settings;
    this.settings = settings;
    this.ready = false;
    this.pool = null;
    this.problem("");
    this.root.classList.toggle("playground-pictured", settings.data === "digits");
    this.find(".playground-board").hidden = settings.data !== "drawn";
    try {
      if (settings.data === "digits") this.pool = await this.digits();
    } catch {
      return this.problem("The digits could not be loaded.");
    }
    if (this.settings !== settings) return; // the reader has gone on
    if (settings.data === "drawn") {
      const points = pointsOf(settings.points);
      const fewest = [0, 1].map((label) => points.filter((point) => point.label === label).length);
      this.pool = drawnPool(points);
      if (Math.min(...fewest) < FEWEST_POINTS / 2)
        this.problem(`Draw at least ${FEWEST_POINTS / 2} points of each class on the board.`);
    }
    this.ready = !this.find(".playground-problem").textContent;
    this.seedChoice.replaceChildren();
    this.showSeed();
    this.redraw();
  }

  async digits() {
    this.loaded ??= fetch(this.root.dataset.digits).then((answer) => {
      if (!answer.ok) throw new Error(answer.statusText);
      return answer.json();
    });
    try {
      return digitsPool(await this.loaded);
    } catch (error) {
      this.loaded = null;
      throw error;
    }
  }

  listChallenges() {
    const list = this.find(".playground-challenges ol");
    if (!list) return; // the small version has none
    for (const { name, text, state } of CHALLENGES) {
      const item = document.createElement("li");
      item.dataset.challenge = name;
      item.innerHTML = `<span class="playground-tick"></span>${text} <button type="button">Train one way</button>`;
      item.querySelector("button").addEventListener("click", () => this.demonstrate(state));
      list.append(item);
    }
  }

  problem(text) {
    this.find(".playground-problem").textContent = text;
  }

  showSeed() {
    this.shown = Number(this.seedChoice.value || 1);
    this.data = this.ready ? dataOf(this.settings, this.shown, this.pool) : null;
    if (this.data && this.settings.data === "digits") this.drawDigits();
    this.run?.show(this.shown);
    this.redraw();
  }

  // What is shown

  // Soon, and while training not more often than the workers can spare.
  redraw() {
    if (this.awaited) return;
    this.awaited = true;
    const wait = this.run?.busy ? FRAME : 0;
    setTimeout(() => {
      this.awaited = false;
      this.draw();
    }, wait);
  }

  draw() {
    const { run } = this;
    const settings = this.fields.settings;
    this.name(settings);
    const enough = run && run.epoch > 0 && run.counted.length > 1;
    const measured = enough ? run.measured : null;
    const finding = measured && findingOf(measured, settings, settings.metric);
    this.progress(settings);
    this.say(finding);
    this.drawFinding(finding, settings);
    this.drawCurves(measured, finding, settings);
    if (settings.data === "digits") this.fillDigits();
    else this.drawSurfaces(measured);
    if (settings.data === "drawn") this.board.draw();
    this.drawDropped();
    if (measured) this.check(settings.metric === "accuracy" ? finding : findingOf(measured, settings, "accuracy"));
  }

  // Values beside the sliders, the name of the treatment, the seeds that can be shown.
  name(settings) {
    for (const output of this.root.querySelectorAll("output")) {
      const value = settings[output.dataset.of];
      output.textContent = output.dataset.percent === undefined ? value : `${Math.round(100 * value)} %`;
    }
    const subject = subjectOf(settings);
    for (const element of this.root.querySelectorAll("[data-says=treatment]"))
      element.textContent = subject === "nothing" ? "Nothing switched on" : `With ${subject}`;
    const options = this.seedChoice.options.length;
    const pairs = this.run?.pairs.size ?? settings.seeds;
    if (options > pairs) this.seedChoice.replaceChildren();
    for (let seed = this.seedChoice.options.length + 1; seed <= pairs; seed++)
      this.seedChoice.add(new Option(`seed ${seed}`, seed));
    this.seedChoice.value = this.shown;
  }

  progress(settings) {
    const { run } = this;
    const busy = Boolean(run?.busy);
    const finished = run && !busy && run.epoch >= settings.epochs;
    this.find("[data-press=train]").textContent = busy ? "Pause" : run && !finished ? "Go on" : "Train";
    this.find("[data-press=more]").disabled = settings.seeds >= Number(this.find("[name=seeds]").max);
    const meter = this.find("progress");
    meter.max = settings.epochs;
    meter.value = run?.epoch ?? 0;
    const catching = run ? run.pairs.size - run.counted.length : 0;
    this.find(".playground-progress").textContent = run
      ? `Epoch ${run.epoch} of ${settings.epochs}, ${run.counted.length} pairs` +
        (catching ? `, ${catching} more on the way` : "")
      : `${settings.seeds} pairs of networks, ${settings.epochs} epochs`;
  }

  drawFinding(finding, settings) {
    const badge = this.find(".playground-verdict");
    badge.hidden = !finding;
    const svg = this.find(".playground-interval");
    const smallest = settings.metric === "accuracy" ? 0.01 : 0.02;
    drawing.interval(svg, finding ?? { effect: NaN, interval: [NaN, NaN], smallest });
    if (!finding) {
      this.find(".playground-headline").textContent =
        "Press “Train” and watch how an effect becomes certain, or does not.";
      this.find(".playground-numbers").textContent = "Nothing is measured yet.";
      svg.setAttribute("aria-label", "No interval yet");
      return;
    }
    const k = VERDICTS.indexOf(finding.verdict);
    badge.className = `playground-verdict verdict-badge verdict-${ROLES[k]}`;
    badge.innerHTML = `<span aria-hidden="true">${SIGNS[k]}</span> ${WORDS[k]}`;
    this.find(".playground-headline").textContent = sentenceOf(finding);
    svg.setAttribute("class", `playground-interval verdict-${ROLES[k]}`);
    const words = intervalWords(finding);
    this.find(".playground-numbers").textContent = `${words}, from ${finding.pairs} pairs after ${finding.epochs} ${finding.epochs === 1 ? "epoch" : "epochs"}`;
    svg.setAttribute("aria-label", `${words}, beside zero and the smallest effect of ${finding.smallest}`);
  }

  drawCurves(measured, finding, settings) {
    const { metric, epochs } = settings;
    const learning = measured ? learningCurves(measured, metric) : [];
    const lines = learning.map(({ arm, part, points }) => ({
      role: arm,
      dashed: part === "training",
      points,
    }));
    const svg = this.find(".playground-learning");
    if (svg) {
      drawing.curves(svg, { lines, epochs, range: metric === "accuracy" ? [0.5, 1] : [0, 0.7] });
      const ends = learning.map(
        ({ arm, part, points }) => `${arm}, ${part}: ${number(points.at(-1)[0])}`
      );
      svg.setAttribute("aria-label", `Mean ${metric} over the epochs. ${ends.length ? `At the end ${ends.join("; ")}.` : "Nothing is measured yet."}`);
    }
    const effect = this.find(".playground-effect");
    const points = finding?.curve.map(({ effect, interval }) => [effect, ...interval]) ?? [];
    const smallest = finding?.smallest ?? 0.01;
    const reach = Math.max(3 * smallest, ...points.slice(-1)[0]?.map(Math.abs).filter(Number.isFinite) ?? []);
    drawing.curves(effect, { lines: [{ role: "treatment", points }], epochs, zero: smallest, range: [-reach, reach] });
    effect.setAttribute("aria-label", `Effect on held-out ${metric} over the epochs, with its 95 % interval. ${finding ? intervalWords(finding) : "Nothing is measured yet."}`);
  }

  drawSurfaces(measured) {
    const { run, data } = this;
    const seen = run?.pictures.get(this.shown);
    const all = run ? run.counted.map((seed) => run.pictures.get(seed)).filter(Boolean) : [];
    const points = data ? pointsToDraw(data.train) : [];
    const shown = run?.pairs.get(this.shown);
    ARMS.forEach((arm, k) => {
      const one = this.find(`[data-surface="${arm}"]`);
      drawing.surface(one, seen?.[k], points);
      const accuracy = shown?.[arm].at(-1)?.[2];
      const state = accuracy === undefined ? "not trained yet" : `held-out accuracy ${number(accuracy)}`;
      one.setAttribute("aria-label", `Decision surface and training rows, ${arm}, seed ${this.shown}: ${state}`);
      const mean = this.find(`[data-surface="${arm}-mean"]`);
      if (!mean) return;
      drawing.surface(mean, all.length ? meanSurface(all.map((pair) => pair[k])) : null, []);
      const curve = measured?.map((pair) => pair[arm].at(-1)[2]);
      const average = curve && curve.reduce((sum, value) => sum + value, 0) / curve.length;
      mean.setAttribute("aria-label", `Mean decision surface over the seeds, ${arm}: ${curve ? `mean held-out accuracy ${number(average)}` : "not trained yet"}`);
    });
  }

  drawDigits() {
    const { x, y } = this.data.heldOut;
    const list = this.find(".playground-digits");
    list.replaceChildren();
    for (let k = 0; k < SHOWN_DIGITS; k++) {
      const item = document.createElement("li");
      item.innerHTML = `<canvas role="img" aria-label="A handwritten ${y[k]}"></canvas>` + ARMS.map((arm) => `<span class="${arm}"><meter min="0" max="1"></meter> <span></span></span>`).join("");
      drawing.digit(item.querySelector("canvas"), x.subarray(64 * k, 64 * (k + 1)));
      list.append(item);
    }
  }

  fillDigits() {
    const seen = this.run?.pictures.get(this.shown);
    if (!this.data) return;
    [...this.find(".playground-digits").children].forEach((item, k) =>
      ARMS.forEach((arm, which) => {
        const all = seen ? [...seen[which].subarray(10 * k, 10 * (k + 1))] : [];
        const label = this.data.heldOut.y[k];
        const said = all.indexOf(Math.max(...all));
        const meter = item.querySelector(`.${arm} meter`);
        meter.value = all[label] || 0;
        meter.setAttribute("aria-label", `Probability of the right digit, ${arm}`);
        item.querySelector(`.${arm} span`).textContent = seen ? `says ${said}` : "";
      })
    );
  }

  drawDropped() {
    const box = this.find(".playground-dropped");
    box.hidden = !this.fields.settings.dropout;
    if (box.hidden) return;
    const layers = this.run?.dropped ?? Array(this.settings.depth).fill(Array(this.settings.width).fill(0));
    const canvas = box.querySelector("canvas");
    drawing.units(canvas, layers);
    const counts = layers.map((layer) => layer.reduce((sum, out) => sum + out, 0));
    canvas.setAttribute("aria-label", this.run?.dropped
      ? `Units dropped for one row of the last step, by layer: ${counts.map((count, k) => `${count} of ${layers[k].length}`).join(", ")}`
      : "Units of the hidden layers; none is dropped before training");
  }

  // Tells a screen reader the finding when its verdict has changed and when training ends.
  say(finding) {
    if (!finding) return;
    const now = `${finding.verdict} ${this.run.busy} ${this.run.busy || finding.pairs}`;
    if (now === this.announced) return;
    const wait = (this.spoken ?? -QUIET) + QUIET - performance.now();
    if (wait > 0) {
      this.waiting ??= setTimeout(() => {
        this.waiting = undefined;
        this.redraw();
      }, wait);
      return;
    }
    this.announced = now;
    this.spoken = performance.now();
    this.find("[role=status]").textContent = `${sentenceOf(finding)} In short, ${WORDS[VERDICTS.indexOf(finding.verdict)]}: ${intervalWords(finding)}, ${finding.pairs} pairs, epoch ${finding.epochs}.`;
  }

  check(finding) {
    if (!techniquesOf(finding.settings).length || this.run.busy) return;
    for (const name of reachedBy(finding)) {
      if (this.reached.has(name)) continue;
      this.reached.add(name);
      const item = this.find(`[data-challenge=${name}]`);
      if (!item) continue;
      item.classList.add("reached");
      item.querySelector(".playground-tick").textContent = "Reached: ";
    }
    for (const count of this.root.querySelectorAll(".playground-reached"))
      count.textContent = `${this.reached.size} of ${CHALLENGES.length} challenges reached`;
  }
}

function intervalWords({ effect, interval }) {
  if (!Number.isFinite(effect)) return "Effect not a number";
  return `Effect ${signed(effect)}, 95 % interval ${signed(interval[0])} to ${signed(interval[1])}`;
}

function pointsToDraw({ x, y, wrong }) {
  return [...y].map((label, k) => ({ x: x[2 * k], y: x[2 * k + 1], label, wrong: wrong[k] }));
}

function meanSurface(all) {
  return all[0].map((_, k) => all.reduce((sum, one) => sum + one[k], 0) / all.length);
}

document.querySelectorAll(".playground").forEach((root) => new Playground(root));
