// A board on which a reader draws points, with a pointer or with the keyboard: arrows move a
// cursor, the space bar draws, Delete removes.

import { place, pointsOf, pointsText, REACH } from "./data.js";
import { cursor, surface } from "./drawing.js";

const STEP = (2 * REACH) / 32;
const DAB = [[0, 0], [2, 1], [-2, 1], [1, -2], [-1, -2]]; // cells that one touch fills
const MOST = 400; // points, so that the address stays short

export class Board {
  // element: holds a canvas, radio buttons for the class and a button that clears; text: gives and
  // takes the points as the address has them; changed: called after each change.
  constructor(element, text, changed) {
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.text = text;
    this.changed = changed;
    this.at = { x: REACH / 64, y: REACH / 64 };
    const listen = (name, action) => this.canvas.addEventListener(name, action);
    listen("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.point(event);
    });
    listen("pointermove", (event) => event.buttons && this.point(event));
    listen("keydown", (event) => this.key(event));
    listen("focus", () => this.draw());
    listen("blur", () => this.draw());
    element.querySelector("button").addEventListener("click", () => this.put([]));
  }

  get points() {
    return pointsOf(this.text());
  }

  point({ offsetX, offsetY }) {
    const across = (value) => (value / this.canvas.clientWidth) * 2 * REACH - REACH;
    this.at = { x: across(offsetX), y: -across(offsetY) };
    this.dab(Number(this.element.querySelector("input:checked").value));
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const edge = REACH - REACH / 64;
    const within = (value) => Math.max(-edge, Math.min(edge, value));
    if (moves[event.key]) {
      const [right, up] = moves[event.key];
      this.at = { x: within(this.at.x + right * STEP), y: within(this.at.y + up * STEP) };
      this.draw();
    } else if (event.key === " " || event.key === "Enter")
      this.dab(Number(this.element.querySelector("input:checked").value));
    else if (event.key === "Delete" || event.key === "Backspace") this.dab(null);
    else return;
    event.preventDefault();
  }

  // Draws points of a class around the cursor, or removes those that are there.
  dab(label) {
    const key = ({ x, y }) => `${place(x)} ${place(y)}`;
    const cell = (2 * REACH) / 64;
    const touched = DAB.map(([right, up]) => ({
      x: this.at.x + right * cell,
      y: this.at.y + up * cell,
      label,
    }));
    const places = touched.map(key);
    const kept = this.points.filter((point) => !places.includes(key(point)));
    this.put(label === null ? kept : [...kept, ...touched].slice(0, MOST));
  }

  put(points) {
    this.text(pointsText(points));
    this.changed();
  }

  draw() {
    const points = this.points;
    const count = [0, 1].map((label) => points.filter((point) => point.label === label).length);
    surface(this.canvas, null, points);
    if (document.activeElement === this.canvas) cursor(this.canvas, this.at);
    this.canvas.setAttribute(
      "aria-label",
      `Board with ${count[0]} round and ${count[1]} square points. Arrow keys move, space draws, Delete removes.`
    );
  }
}
