// Lets a reader draw a curve or place effects, and then says how near that was to what was measured.
// The page holds the whole picture; here its points move, and words are found. Nothing is kept.

const MINUS = "\u2212";

function signed(value, places) {
  const text = Math.abs(value).toFixed(places);
  if (!Number(text)) return Number(0).toFixed(places);
  return (value < 0 ? MINUS : "+") + text;
}

function level(value, places) {
  return value.toFixed(places);
}

const TIMES = ["", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

function times(ratio) {
  if (ratio > 10.5) return "more than ten times";
  if (ratio < 1.75) return "one and a half times";
  return `${TIMES[Math.round(ratio)]} times`;
}

// Whether a guess fits what was measured, and how in words; `small` is what counts as none. Where
// the data leave something open, a guess fits that they do not exclude.
function judged(guess, { measured: [effect, low, high], small, verdict }) {
  const none = Math.abs(guess) <= small;
  const side = low > 0 ? 1 : high < 0 ? -1 : 0; // 0: the interval holds none
  if (verdict === "no difference")
    return none
      ? [true, "Next to nothing, as you expected."]
      : [false, "It was shown to be next to nothing."];
  const undecided = verdict === "undecided";
  if (guess >= low && guess <= high && !(none && side))
    return [true, `Your guess lies in the interval${undecided ? ", which leaves open whether there is a difference" : ""}.`];
  if (none && (undecided || !side))
    return [true, "You expected next to nothing, and the data leave that open."];
  if (!side) return [false, "The data do not even settle the sign."];
  if (undecided)
    return [false, `The measured effect has ${Math.sign(guess) === side ? "the same" : "the other"} sign, and is too near to none to be called a difference.`];
  if (none) return [false, "You expected next to nothing, and there is an effect."];
  if (Math.sign(guess) !== side) return [false, "The sign was the other way round."];
  const ratio = guess / effect;
  if (ratio > 1.5) return [false, `The sign was right, the size ${times(ratio)} too large.`];
  if (ratio < 1 / 1.5) return [false, `The sign was right, the size ${times(1 / ratio)} too small.`];
  return [true, "The sign was right, and so, roughly, was the size."];
}

// Sentences on effects that were placed: what came out in all, then one for each.
function onEffects({ effects, rank }, values) {
  const judgements = effects.map((one, k) => judged(values[k], one));
  const fitting = judgements.filter(([fits]) => fits).length;
  const verb = fitting === 1 ? "fits" : "fit";
  const said = [`${fitting} of ${effects.length} guesses ${verb} what was measured.`];
  if (rank) {
    const first = (all) => effects[all.indexOf(Math.max(...all))].label;
    const mine = values.every((value) => value === values[0]) ? null : first(values);
    const best = first(effects.map(({ measured }) => measured[0]));
    const shown = effects.filter(
      ({ measured: [effect], verdict }) => effect > 0 && !["undecided", "no difference"].includes(verdict)
    );
    const helped = shown.length ? shown.map(({ label }) => label).join(", ") : "nothing";
    said.push(
      `${mine ? `You put ${mine} first. ` : ""}The largest measured effect: ${best}. Shown to help: ${helped}.`
    );
  }
  return [
    said.join(" "),
    effects.map(
      (one, k) =>
        `${one.label}: you expected ${signed(values[k], one.places)}, measured ${one.said}. ${judgements[k][1]}`
    ),
  ];
}

// Where a drawn effect first turns from one side of zero to the other: between which points.
function turning(values, points, small) {
  let last = null;
  for (let k = 0; k < values.length; k++) {
    if (Math.abs(values[k]) <= small) continue;
    if (last !== null && values[last] > 0 !== values[k] > 0)
      return { from: points[last].x, to: points[k].x, rises: values[k] > 0 };
    last = k;
  }
  return null;
}

function turnText(turns) {
  if (!turns) return "stays on one side of zero";
  const way = turns.rises ? "from below to above" : "from above to below";
  return `goes ${way} zero between epochs ${turns.from} and ${turns.to}`;
}

// Sentences on a curve that was drawn.
function onCurve({ points, small, places, step, turns, lowest, rises }, values) {
  const written = small ? signed : level;
  const near = points.filter(
    ({ measured: [, low, high] }, k) => values[k] >= low - step && values[k] <= high + step
  ).length;
  const verb = near === 1 ? "lies" : "lie";
  const said = `${near} of ${points.length} points of your curve ${verb} on the measured one, give or take ${step}.`;
  const lines = [];
  if (small) {
    const mine = turnText(turning(values, points, small));
    lines.push(`The measured effect ${turnText(turns)}; yours ${mine}.`);
  } else {
    const at = values.indexOf(Math.min(...values));
    const mine = values.at(-1) - values[at] > step;
    const own = mine
      ? `Yours turns, too, ${points[at].at}.`
      : "Yours never turns upwards.";
    lines.push(
      rises
        ? `The measured curve is lowest ${lowest}, and rises from there. ${own}`
        : `The measured curve does not clearly turn upwards. ${mine ? `Yours does, ${points[at].at}.` : "Nor does yours."}`
    );
  }
  for (const k of [0, points.length - 1]) {
    const { at, said, measured } = points[k];
    const [mean, low, high] = measured;
    const off = values[k] - mean;
    const verdict = low > small || high < -small ? "" : "undecided";
    const judgement = small
      ? judged(values[k], { measured, small, verdict })[1]
      : values[k] >= low - step && values[k] <= high + step
        ? "About right."
        : `${off > 0 ? "Too high" : "Too low"} by ${Math.abs(off).toFixed(places)}.`;
    lines.push(
      `${at[0].toUpperCase()}${at.slice(1)} you expected ${written(values[k], places)}, measured ${said}. ${judgement}`
    );
  }
  return [said, lines];
}

function start(guess) {
  const data = JSON.parse(guess.dataset.guess);
  const curve = Boolean(data.points);
  const svg = guess.querySelector(".guess-picture");
  const handles = [...guess.querySelectorAll(".guess-handle")].map((element, k) => {
    const [low, high, begin] = ["valuemin", "valuemax", "valuenow"].map((name) =>
      Number(element.getAttribute(`aria-${name}`))
    );
    const circles = [...element.querySelectorAll("circle")];
    return { element, circles, low, high, begin, value: begin, step: Number(element.dataset.step) };
  });
  const button = guess.querySelector("button");
  const hint = guess.querySelector(".guess-bar span");
  const said = guess.querySelector(".guess-said");
  const line = guess.querySelector("polyline.guess-line");
  const stems = guess.querySelectorAll(".guess-stem");
  const plot = curve ? svg.querySelector("svg").height.baseVal.value : 0;
  const across = handles.map(({ circles }) => parseFloat(circles[0].getAttribute("cx")));
  let committed = false;

  function show(k) {
    const { element, circles, low, high, value } = handles[k];
    const share = (value - low) / (high - low);
    const places = curve ? data.places : data.effects[k].places;
    const written = !curve || data.small ? signed : level;
    element.setAttribute("aria-valuenow", value);
    element.setAttribute("aria-valuetext", written(value, places));
    for (const circle of circles)
      if (curve) circle.setAttribute("cy", plot * (1 - share));
      else circle.setAttribute("cx", `${100 * share}%`);
    if (!curve) stems[k].setAttribute("x2", `${100 * share}%`);
    else
      line.setAttribute(
        "points",
        handles.map((one, at) => `${across[at]},${(plot * (one.high - one.value)) / (one.high - one.low)}`).join(" ")
      );
  }

  function move(k, value) {
    const { low, high, step } = handles[k];
    const kept = Math.round(Math.min(high, Math.max(low, value)) / step) * step;
    handles[k].value = Number(kept.toFixed(6));
    show(k);
  }

  function press(event) {
    const k = handles.findIndex(({ element }) => element === event.currentTarget);
    const { value, low, high, step } = handles[k];
    const wanted = {
      ArrowUp: value + step,
      ArrowRight: value + step,
      ArrowDown: value - step,
      ArrowLeft: value - step,
      PageUp: value + 5 * step,
      PageDown: value - 5 * step,
      Home: low,
      End: high,
    }[event.key];
    if (wanted === undefined || committed) return;
    event.preventDefault();
    move(k, wanted);
  }

  // Where the pointer is: the nearest point, or the one that keeps it, and its value there.
  function pointed(event, kept) {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = event.clientY - box.top;
    const away = handles.map(({ circles }, k) =>
      Math.abs(curve ? across[k] - 100 * x : Number(circles[0].getAttribute("cy")) - y)
    );
    const k = kept ?? away.indexOf(Math.min(...away));
    const { low, high } = handles[k];
    return { k, value: low + (curve ? 1 - y / plot : x) * (high - low) };
  }

  let dragged = null; // the point that was set last, while the pointer is down
  function drag(event) {
    const now = pointed(event, curve ? null : dragged.k); // an effect keeps its row
    // A quick pointer jumps over points: they lie on the line between.
    const jump = now.k - dragged.k;
    for (let j = Math.sign(jump); Math.abs(j) < Math.abs(jump); j += Math.sign(jump))
      move(dragged.k + j, dragged.value + (j / jump) * (now.value - dragged.value));
    move(now.k, now.value);
    dragged = now;
  }

  svg.addEventListener("pointerdown", (event) => {
    if (committed || event.button) return;
    dragged = pointed(event);
    svg.setPointerCapture(event.pointerId);
    handles[dragged.k].element.focus({ preventScroll: true });
    // A finger may be about to scroll the page: it moves a point only when it moves along.
    if (event.pointerType === "mouse") drag(event);
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => dragged && drag(event));
  svg.addEventListener("pointerup", (event) => {
    if (dragged) drag(event);
    dragged = null;
  });
  svg.addEventListener("pointercancel", () => (dragged = null));

  function turn() {
    committed = !committed;
    guess.classList.toggle("guess-committed", committed);
    button.textContent = committed ? "Guess again" : "Commit";
    hint.hidden = committed;
    said.replaceChildren();
    for (const { element } of handles) {
      element.setAttribute("aria-disabled", committed);
      element.setAttribute("tabindex", committed ? -1 : 0);
    }
    if (!committed) return handles.forEach(({ begin }, k) => move(k, begin));
    const values = handles.map(({ value }) => value);
    const [first, lines] = curve ? onCurve(data, values) : onEffects(data, values);
    const summary = document.createElement("p");
    summary.textContent = first;
    const list = document.createElement("ul");
    for (const text of lines) {
      const item = document.createElement("li");
      item.textContent = text;
      list.append(item);
    }
    said.append(summary, list);
  }

  handles.forEach(({ element }) => element.addEventListener("keydown", press));
  button.addEventListener("click", turn);
  button.disabled = false;
}

document.querySelectorAll(".guess").forEach(start);
