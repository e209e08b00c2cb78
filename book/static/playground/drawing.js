// Drawings: decision surfaces and dropped units on canvases, curves and intervals as SVG.

import { place, REACH } from "./data.js";
import { number, signed } from "./finding.js";
import { GRID } from "./pair.js";

function colour(element, name) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

// A canvas with as many pixels as the screen shows of it, and its size in CSS pixels.
function fitted(canvas, height) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round((height ?? width) * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  return [pen, width, height ?? width];
}

// Decision surface: each place takes the colour of the more probable class, the stronger the
// surer; a line where both are equally probable. Wrong labels have a ring.
export function surface(canvas, probabilities, points) {
  const [pen, side] = fitted(canvas);
  const colours = [0, 1].map((label) => colour(canvas, `--class-${label}`));
  if (probabilities) {
    pen.imageSmoothingEnabled = true;
    pen.drawImage(cells(probabilities, colours), 0, 0, side, side);
    boundary(pen, probabilities, side, colour(canvas, "--pst-color-text-base"));
  }
  const at = (value) => ((value + REACH) / (2 * REACH)) * side;
  const size = side > 200 ? 3.2 : 2.4;
  for (const { x, y, label, wrong } of points) {
    pen.beginPath();
    const [left, top] = [at(x), side - at(y)];
    if (label) pen.rect(left - size * 0.9, top - size * 0.9, 1.8 * size, 1.8 * size);
    else pen.arc(left, top, size, 0, 2 * Math.PI);
    pen.fillStyle = colours[label];
    pen.fill();
    pen.lineWidth = wrong ? 1.6 : 0.8;
    pen.strokeStyle = colour(canvas, wrong ? "--pst-color-text-base" : "--pst-color-background");
    pen.stroke();
  }
}

// Row 0 of the probabilities is at the bottom of the board, and of a canvas at the top.
function cells(probabilities, colours) {
  const [first, second] = colours.map((text) =>
    text.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16))
  );
  const image = new ImageData(GRID, GRID);
  for (let k = 0; k < GRID * GRID; k++) {
    const probability = probabilities[k];
    const to = 4 * ((GRID - 1 - Math.floor(k / GRID)) * GRID + (k % GRID));
    const [red, green, blue] = probability > 0.5 ? second : first;
    const sure = Math.min(1, Math.abs(2 * probability - 1));
    image.data.set([red, green, blue, Math.round(255 * (0.04 + 0.5 * sure))], to);
  }
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = GRID;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// Where the probability is a half, by marching squares between the centres of the cells.
function boundary(pen, probabilities, side, stroke) {
  const cell = side / GRID;
  pen.beginPath();
  for (let row = 0; row + 1 < GRID; row++) {
    for (let column = 0; column + 1 < GRID; column++) {
      const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([right, up]) => ({
        x: (column + right + 0.5) * cell,
        y: side - (row + up + 0.5) * cell,
        over: probabilities[(row + up) * GRID + column + right] - 0.5,
      }));
      const cuts = corners.flatMap((from, k) => {
        const to = corners[(k + 1) % 4];
        if (from.over > 0 === to.over > 0) return [];
        const share = from.over / (from.over - to.over);
        return [[from.x + share * (to.x - from.x), from.y + share * (to.y - from.y)]];
      });
      for (let k = 0; k + 1 < cuts.length; k += 2) {
        pen.moveTo(...cuts[k]);
        pen.lineTo(...cuts[k + 1]);
      }
    }
  }
  pen.strokeStyle = stroke;
  pen.lineWidth = 1.2;
  pen.stroke();
}

// The board that a reader draws on, with the place of the keyboard's cursor.
export function cursor(canvas, { x, y }) {
  const side = canvas.clientWidth;
  const pen = canvas.getContext("2d");
  pen.strokeStyle = colour(canvas, "--pst-color-text-base");
  pen.lineWidth = 1.5;
  pen.strokeRect((place(x) / 64) * side - 5, side - ((place(y) + 1) / 64) * side - 5, 12, 12);
}

// One row of cells for each hidden layer; dropped units are empty.
export function units(canvas, layers) {
  const row = 12;
  canvas.style.height = `${row * layers.length}px`;
  const [pen, width] = fitted(canvas, row * layers.length);
  const fill = colour(canvas, "--treatment");
  layers.forEach((dropped, layer) => {
    const cell = Math.min(12, width / dropped.length);
    const gap = cell > 4 ? 1.5 : 0.5;
    dropped.forEach((out, k) => {
      pen.globalAlpha = out ? 0.15 : 0.9;
      pen.fillStyle = fill;
      pen.fillRect(k * cell, layer * row + 1, cell - gap, row - 3);
    });
  });
}

// A digit of 8 x 8 pixels.
export function digit(canvas, pixels) {
  canvas.width = canvas.height = 8;
  const pen = canvas.getContext("2d");
  const image = new ImageData(8, 8);
  pixels.forEach((value, k) => image.data.set([0, 0, 0, Math.round(255 * value)], 4 * k));
  pen.putImageData(image, 0, 0);
}

// Curves over epochs.
//
// lines: [{role, dashed, points: [[mean, low, high], ...]}], the first point after epoch 1; role is a
// class name; epochs: where the axis ends; zero: the size around zero that counts as none, if the
// axis has to show it; range: [low, high] that is always shown.
export function curves(svg, { lines, epochs, zero, range }) {
  const [left, right, top, bottom] = [44, 8, 8, 22];
  const [width, height] = [svg.clientWidth || 300, svg.clientHeight || 190];
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const shown = lines.flatMap(({ points }) => points.map(([mean]) => mean)).filter(Number.isFinite);
  let [low, high] = [Math.min(range[0], ...shown), Math.max(range[1], ...shown)];
  const margin = 0.06 * (high - low);
  [low, high] = [low - margin, high + margin];
  const x = (epoch) => left + ((width - left - right) * (epoch - 1)) / Math.max(1, epochs - 1);
  const y = (value) =>
    top + (height - top - bottom) * Math.min(1, Math.max(0, (high - value) / (high - low)));
  const path = (values) => {
    let pen = "M";
    return values
      .map((value, k) => {
        if (!Number.isFinite(value)) return (pen = "M") && "";
        const drawn = `${pen}${x(k + 1).toFixed(1)},${y(value).toFixed(1)}`;
        pen = "L";
        return drawn;
      })
      .join("");
  };
  const drawn = lines.map(({ role, dashed, points }) => {
    const bands = points.every((point) => point.every(Number.isFinite));
    const upper = path(points.map(([, , end]) => end));
    const lower = points.map(([, start], k) => `L${x(k + 1).toFixed(1)},${y(start).toFixed(1)}`);
    const band = bands && points.length > 1 && !dashed ? `${upper}${lower.reverse().join("")}Z` : "";
    const [last] = points.at(-1) ?? [];
    const end = Number.isFinite(last)
      ? `<circle class="point" cx="${x(points.length)}" cy="${y(last)}" r="3"/>`
      : "";
    return `<g class="${role}"><path class="band" d="${band}"/><path class="line${dashed ? " dashed" : ""}" d="${path(points.map(([mean]) => mean))}"/>${end}</g>`;
  });
  const none = zero
    ? `<rect class="none" x="${left}" width="${width - left - right}" y="${y(zero)}" height="${y(-zero) - y(zero)}"/><line class="zero" x1="${left}" x2="${width - right}" y1="${y(0)}" y2="${y(0)}"/>`
    : "";
  const marks = ticks(low, high, 4).map(
    (value) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}"/><text x="${left - 6}" y="${y(value) + 4}" text-anchor="end">${zero ? signed(value, 2) : number(value, 2)}</text>`
  );
  const below = [...new Set([1, Math.round(epochs / 2), epochs])].map(
    (epoch) => `<text x="${x(epoch)}" y="${height - 5}" text-anchor="${epoch === 1 ? "start" : epoch === epochs ? "end" : "middle"}">${epoch === 1 ? "epoch 1" : epoch}</text>`
  );
  svg.innerHTML = marks.join("") + none + drawn.join("") + below.join("");
}

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(0.01, [1, 2, 5, 10].map((k) => k * power).find((one) => one >= rough));
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
  return found;
}

// The interval of an effect beside zero and the field that counts as none.
export function interval(svg, { effect, interval: [low, high], smallest }) {
  const width = svg.clientWidth || 300;
  svg.setAttribute("viewBox", `0 0 ${width} 44`);
  const known = Number.isFinite(effect);
  const reach = 1.15 * Math.max(3 * smallest, known ? Math.max(Math.abs(low), Math.abs(high)) : 0);
  const x = (value) => width / 2 + ((width / 2 - 8) * value) / reach;
  const ends = [-smallest, 0, smallest].map(
    (value) => `<text x="${x(value)}" y="42" text-anchor="${value < 0 ? "end" : value ? "start" : "middle"}">${value ? signed(value, 2) : "0"}</text>`
  );
  const shown = x(smallest) - x(0) > 14 ? ends : [ends[1]];
  svg.innerHTML =
    `<rect class="none" x="${x(-smallest)}" width="${x(smallest) - x(-smallest)}" y="2" height="26"/>` +
    `<line class="axis" x1="0" x2="${width}" y1="28" y2="28"/>` +
    `<line class="zero" x1="${x(0)}" x2="${x(0)}" y1="0" y2="28"/>${shown.join("")}` +
    (known
      ? `<line class="reach" x1="${x(low)}" x2="${x(high)}" y1="15" y2="15"/><circle class="found" cx="${x(effect)}" cy="15" r="6"/>`
      : "");
}
