// Trains a share of the pairs, a little at a time, so that it hears what the page says in between.
//
// The page sends {run, settings, pool} to begin, {seeds} to add pairs, {target} for the epoch to
// train up to, and {shown} for the seed whose dropped units are drawn. The worker sends
// {run, measured: [[seed, numbers of both arms], ...], pictures: [[seed, probabilities], ...],
// dropped}; pictures only now and then.

import { Pair } from "./pair.js";

const SLICE = 40; // milliseconds of work between two messages
const PICTURES = 250; // milliseconds between pictures, which cost a forward pass of every network

let run, settings, pool, shown;
let pairs = [];
let target = 0;
let pictured = 0;
let awaited = false;
const turn = new MessageChannel();

onmessage = ({ data }) => {
  if (data.settings) {
    ({ run, settings, pool } = data);
    pairs = [];
    target = 0;
  }
  if (data.seeds) pairs.push(...data.seeds.map((seed) => new Pair(settings, seed, pool)));
  if ("target" in data) target = data.target;
  if ("shown" in data) shown = data.shown;
  takeATurn();
};

function takeATurn() {
  if (!awaited) turn.port2.postMessage(null);
  awaited = true;
}

turn.port1.onmessage = () => {
  awaited = false;
  const start = performance.now();
  const measured = [];
  let pair;
  while ((pair = next())) {
    measured.push([pair.seed, pair.epoch()]);
    if (performance.now() - start > SLICE) break;
  }
  send(measured, !next() || start - pictured > PICTURES);
  if (next()) takeATurn();
};

// The pair that goes on: all go on together, and those that come late arrive one after another.
function next() {
  const behind = pairs.filter((pair) => pair.epochs < target);
  const late = behind.length < pairs.length;
  return behind.sort((a, b) => (late ? b.epochs - a.epochs : a.epochs - b.epochs))[0];
}

function send(measured, withPictures) {
  const message = { run, measured, pictures: [] };
  if (withPictures) {
    pictured = performance.now();
    const visible = pairs.filter((pair) => pair.data.features === 2 || pair.seed === shown);
    message.pictures = visible.map((pair) => [pair.seed, pair.pictures]);
    message.dropped = pairs.find((pair) => pair.seed === shown && pair.epochs)?.dropped;
  }
  postMessage(message);
}
