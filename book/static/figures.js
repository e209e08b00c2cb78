// Lets a reader question a figure: turn curves, bands and single seeds on and off, read values,
// step through stages. The still picture shows until its button is pressed, and without scripts.

const DASHES = ["", "7 4", "7 3 2 3", "2 3", "9 3 2 3 2 3", "1 3"];
const COLOURS = [
  "figure-colour-0",
  "figure-colour-1",
  "figure-colour-2",
  "figure-colour-3",
  "figure-colour-4",
  "figure-colour-5",
];
const INTERVAL = 1500; // milliseconds between the steps that play

const asking = new Map(); // for each script of numbers being loaded, the button that asked for it

function courseFigure(title, numbers) {
  show(asking.get(document.currentScript), title, numbers);
}

function text(value) {
  return String(Number(value.toPrecision(3))).replace("-", "\u2212");
}

function reading(value) {
  if (value === null) return "not finite";
  return (Math.abs(value) < 1000 ? value.toPrecision(3) : value.toFixed(0)).replace("-", "\u2212");
}

function escaped(words) {
  const span = document.createElement("span");
  span.textContent = words;
  return span.innerHTML;
}

function estimate([mean, low, high]) {
  return `${reading(mean)} (${reading(low)} to ${reading(high)})`;
}

function plain(text) {
  return text.replace(/^\d+\. /, "");
}

function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((one) => one >= 0.75 * rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++)
    found.push(Number((k * step).toPrecision(6)));
  return found;
}

// Places on the axis of epochs or settings: whole numbers where all are, ratios on a log axis.
function marks(x, log) {
  if (x.length < 7) return x;
  if (log && !x.every(Number.isInteger)) return x;
  if (log) {
    const last = x.at(-1);
    const powers = [1, 4, 16, 64, 256, 1024].filter((one) => one >= x[0] && one < last / 1.7);
    return [...powers, last];
  }
  const found = ticks(x[0], x.at(-1), Math.min(6, x.length - 1));
  return x.every(Number.isInteger) ? found.filter(Number.isInteger) : found;
}

function range(values) {
  const finite = values.flat(Infinity).filter((value) => value !== null);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const margin = 0.04 * (high - low) || 0.5;
  return finite.length ? [low - margin, high + margin] : [0, 1];
}

function path(xs, ys) {
  let pen = "M";
  let drawn = "";
  xs.forEach((x, k) => {
    if (ys[k] === null) pen = "M";
    else {
      drawn += `${pen}${x.toFixed(1)},${ys[k].toFixed(1)}`;
      pen = "L";
    }
  });
  return drawn;
}

// Controls

function checkbox(name, label, checked, swatch = "") {
  return `<label><input type="checkbox" name="${name}"${checked ? " checked" : ""}/>${swatch} ${escaped(label)}</label>`;
}

function swatch(k, colour) {
  return `<svg class="figure-swatch ${COLOURS[colour]}" viewBox="0 0 26 8" aria-hidden="true"><path class="figure-mean" d="M0,4L26,4" stroke-dasharray="${DASHES[k % DASHES.length]}"/></svg>`;
}

function controls(labels, parts, sign) {
  const choices = labels.map((label, k) => checkbox(`curve-${k}`, label, true, sign(k)));
  return `<fieldset><legend>Show</legend><div>${parts}</div></fieldset>
    <fieldset><legend>Of</legend><div>${choices.join("")}</div></fieldset>`;
}

// What the curves and the strips have in common: a form, drawings, a slider that reads values.

function reader(root, labels, { parts, slider, sign, draw, read }) {
  root.innerHTML = `<form class="figure-controls">${controls(labels, parts, sign)}
    <label class="figure-slider"><span></span><input type="range" min="${slider.first}" max="${slider.last}" value="${slider.start}"/></label></form>
    <div class="figure-panels"></div><div class="figure-values"></div>`;
  const form = root.querySelector("form");
  const input = form.querySelector("input[type=range]");
  const panels = root.querySelector(".figure-panels");

  function update() {
    const state = {
      at: Number(input.value),
      on: labels.map((_, k) => form.elements[`curve-${k}`].checked),
      band: form.elements.band.checked,
      seeds: form.elements.seeds.checked,
      width: Math.max(240, Math.min(panels.clientWidth, 720)),
    };
    panels.innerHTML = draw(state);
    const { caption, rows } = read(state);
    if (!state.on.includes(true)) panels.innerHTML = "<p>Nothing is chosen.</p>";
    form.querySelector(".figure-slider span").textContent = caption;
    input.setAttribute(
      "aria-valuetext",
      `${caption}: ${rows.map(([name, value]) => `${name} ${value}`).join("; ")}`
    );
    root.querySelector(".figure-values").innerHTML =
      `<table class="table"><tbody>` +
      rows
        .map(
          ([name, value, k]) =>
            `<tr><th scope="row">${sign(k)} ${escaped(name)}</th><td>${value}</td></tr>`
        )
        .join("") +
      "</tbody></table>";
  }

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  let before = 0;
  new ResizeObserver(() => {
    if (panels.clientWidth !== before) {
      before = panels.clientWidth;
      update();
    }
  }).observe(panels);
  function point(event) {
    const svg = event.target.closest("svg");
    const found = svg ? slider.pointed(event, svg) : null;
    if (found !== null && found !== Number(input.value)) {
      input.value = found;
      update();
    }
  }
  panels.addEventListener("pointermove", point);
  panels.addEventListener("pointerdown", point);
}

// Curves

function curves(root, numbers) {
  const { x, panels } = numbers;
  const labels = [...new Set(panels.flatMap((panel) => panel.curves.map((curve) => curve.label)))];
  const colours = labels.map(
    (label) => panels.flatMap((panel) => panel.curves).find((curve) => curve.label === label).colour
  );
  const scale = (value) => (numbers.log_x ? Math.log2(value) : value);
  const [first, last] = [scale(x[0]), scale(x.at(-1))];
  const left = 46;
  const right = 16;
  const across = (value, width) =>
    left + ((width - left - right) * (scale(value) - first)) / (last - first || 1);

  function draw(state) {
    const beside = panels.length > 1 && state.width > 520 ? panels.length : 1;
    const width = state.width / beside;
    const height = 230;
    const shown = panels.flatMap((panel) =>
      panel.curves.filter((curve) => state.on[labels.indexOf(curve.label)])
    );
    const [low, high] = range(shown.map((curve) => (state.seeds ? curve.replicates : curve.band)));
    const up = (value) => (value === null ? null : 190 - (170 * (value - low)) / (high - low));
    return panels
      .map((panel) => {
        const xs = x.map((value) => across(value, width));
        const ys = ticks(low, high, 5)
          .map(
            (value) =>
              `<line class="figure-grid" x1="${left}" x2="${width - right}" y1="${up(value)}" y2="${up(value)}"/><text x="${left - 5}" y="${up(value) + 4}" text-anchor="end">${text(value)}</text>`
          )
          .join("");
        const places = marks(x, numbers.log_x);
        const below = places
          .map((value) => `<text x="${across(value, width)}" y="206" text-anchor="middle">${text(value)}</text>`)
          .join("");
        const drawn = panel.curves
          .map((curve) => {
            const k = labels.indexOf(curve.label);
            if (!state.on[k]) return "";
            const [mean, bottom, top] = curve.band.map((values) => values.map(up));
            const band =
              path(xs, bottom) + path([...xs].reverse(), [...top].reverse()).replace("M", "L") + "Z";
            return `<g class="${COLOURS[curve.colour]}">
              ${state.seeds ? curve.replicates.map((one) => `<path class="figure-seed" d="${path(xs, one.map(up))}"/>`).join("") : ""}
              ${state.band && !bottom.includes(null) ? `<path class="figure-band" d="${band}"/>` : ""}
              <path class="figure-mean" stroke-dasharray="${DASHES[k % DASHES.length]}" d="${path(xs, mean)}"/></g>`;
          })
          .join("");
        const at = xs[state.at];
        return `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" aria-hidden="true">
          <text x="${left}" y="12">${escaped([panel.heading, numbers.ylabel].filter(Boolean).join(": "))}</text>
          ${ys}${below}<text x="${(left + width - right) / 2}" y="224" text-anchor="middle">${escaped(numbers.xlabel)}</text>
          ${drawn}<line class="figure-at" x1="${at}" x2="${at}" y1="20" y2="190"/></svg>`;
      })
      .join("");
  }

  function read(state) {
    const rows = panels.flatMap((panel) =>
      panel.curves
        .filter((curve) => state.on[labels.indexOf(curve.label)])
        .map((curve) => [
          [panel.heading, curve.label].filter(Boolean).join(", "),
          estimate(curve.band.map((values) => values[state.at])),
          labels.indexOf(curve.label),
        ])
    );
    return { caption: `At ${numbers.xlabel} ${text(x[state.at])}`, rows };
  }

  const pointed = (event, svg) => {
    const { left: edge, width } = svg.getBoundingClientRect();
    const at = event.clientX - edge;
    const distances = x.map((value) => Math.abs(across(value, width) - at));
    return distances.indexOf(Math.min(...distances));
  };
  reader(root, labels, {
    parts:
      checkbox("band", "95 % interval of the mean", true) + checkbox("seeds", "every seed", false),
    slider: { first: 0, last: x.length - 1, start: x.length - 1, pointed },
    sign: (k) => swatch(k, colours[k]),
    draw,
    read,
  });
}

// Strips

function strips(root, numbers) {
  const { groups } = numbers;
  const labels = groups.map((group) => group.label);
  const most = Math.max(...groups.map((group) => group.replicates.length));
  const row = 44;

  function draw(state) {
    const shown = groups.map((_, k) => k).filter((k) => state.on[k]);
    const [low, high] = range(groups.map((group) => [group.replicates, group.band]));
    const across = (value) => 10 + ((state.width - 20) * (value - low)) / (high - low);
    const bottom = shown.length * row;
    const marks = ticks(low, high, state.width > 450 ? 7 : 4)
      .map(
        (value) =>
          `<line class="figure-grid" x1="${across(value)}" x2="${across(value)}" y1="0" y2="${bottom}"/><text x="${across(value)}" y="${bottom + 16}" text-anchor="middle">${text(value)}</text>`
      )
      .join("");
    const drawn = shown
      .map((k, place) => {
        const { replicates, band, label } = groups[k];
        const y = place * row + 28;
        const dots = replicates.map((value, seed) => {
          if (value === null || (!state.seeds && seed !== state.at - 1)) return "";
          const lift = replicates.length > 1 ? (seed / (replicates.length - 1) - 0.5) * 14 : 0;
          const chosen = seed === state.at - 1 ? " figure-chosen" : "";
          return `<circle class="figure-dot${chosen}" data-at="${seed + 1}" cx="${across(value)}" cy="${y + lift}" r="${chosen ? 5 : 3}"/>`;
        });
        const interval =
          state.band && !band.includes(null)
            ? `<line class="figure-interval" x1="${across(band[1])}" x2="${across(band[2])}" y1="${y}" y2="${y}"/><line class="figure-interval" x1="${across(band[0])}" x2="${across(band[0])}" y1="${y - 8}" y2="${y + 8}"/>`
            : "";
        return `<g class="${COLOURS[groups[k].colour]}"><text x="2" y="${place * row + 13}">${escaped(label)}</text>${dots.join("")}${interval}</g>`;
      })
      .join("");
    return `<svg width="${state.width}" height="${bottom + 40}" viewBox="0 0 ${state.width} ${bottom + 40}" aria-hidden="true">${marks}${drawn}
      <text x="${state.width / 2}" y="${bottom + 34}" text-anchor="middle">${escaped(numbers.xlabel)}</text></svg>`;
  }

  function read(state) {
    const shown = groups.map((group, k) => [group, k]).filter(([, k]) => state.on[k]);
    if (!state.at)
      return {
        caption: `Means; the slider or a dot shows one ${numbers.unit}`,
        rows: shown.map(([group, k]) => [group.label, estimate(group.band), k]),
      };
    return {
      caption: `${numbers.unit[0].toUpperCase()}${numbers.unit.slice(1)} ${state.at} of ${most}`,
      rows: shown.map(([{ label, replicates }, k]) => [
        label,
        state.at > replicates.length ? "none" : reading(replicates[state.at - 1]),
        k,
      ]),
    };
  }

  reader(root, labels, {
    parts:
      checkbox("band", "mean and 95 % interval", true) +
      checkbox("seeds", `every ${numbers.unit}`, true),
    slider: {
      first: 0,
      last: most,
      start: 0,
      pointed: (event) => Number(event.target.dataset.at) || null,
    },
    sign: () => "", // each row carries its name
    draw,
    read,
  });
}

// Steps: the still picture holds them all; a window shows one.

function steps(root, { captions, places, key }, still) {
  const [, , width, height] = places[0];
  const shown = still.cloneNode();
  const moving = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  root.innerHTML = `<div class="figure-window"></div>
    <p class="figure-key">${escaped(key)}</p>
    <p role="status"></p>
    <div class="figure-steps">
      <button type="button" class="figure-back">Back</button>
      <button type="button" class="figure-next">Next</button>
      ${moving ? '<button type="button" class="figure-play">Play</button>' : ""}</div>`;
  const view = root.querySelector(".figure-window");
  const [wide, high] = ["width", "height"].map((name) => Number(still.getAttribute(name)));
  view.style.aspectRatio = `${width * wide} / ${height * high}`;
  shown.hidden = false;
  shown.loading = "eager";
  shown.style.width = `${100 / width}%`;
  view.append(shown);
  const play = root.querySelector(".figure-play");
  let at = 0;
  let timer = 0;

  function go(to) {
    at = (to + captions.length) % captions.length;
    const [x, y] = places[at];
    shown.style.transform = `translate(${-100 * x}%, ${-100 * y}%)`;
    shown.alt = `${captions[at]}. ${still.alt}`;
    root.querySelector("[role=status]").textContent =
      `${at + 1} of ${captions.length}: ${plain(captions[at])}`;
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    if (play) play.textContent = "Play";
  }

  root.querySelector(".figure-back").addEventListener("click", () => (stop(), go(at - 1)));
  root.querySelector(".figure-next").addEventListener("click", () => (stop(), go(at + 1)));
  play?.addEventListener("click", () => {
    if (timer) return stop();
    play.textContent = "Pause";
    timer = setInterval(() => (root.closest("[hidden]") ? stop() : go(at + 1)), INTERVAL);
  });
  go(0);
}

// The buttons

function show(button, title, numbers) {
  const root = document.createElement("div");
  root.className = "figure-questioned";
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", title);
  const heading = document.createElement("p");
  heading.className = "figure-title";
  heading.textContent = title;
  const body = document.createElement("div");
  root.append(heading, body);
  const still = pictureOf(button);
  button.parentElement.after(root);
  ({ curves, strips, steps })[numbers.kind](body, numbers, still);
  turn(button, root);
}

function pictureOf(button) {
  const data = button.parentElement;
  return data.parentElement.querySelector("img.course-figure");
}

function turn(button, root) {
  const on = button.getAttribute("aria-pressed") === "false";
  button.dataset.say ??= button.textContent;
  button.textContent = on ? "Back to the still picture" : button.dataset.say;
  button.setAttribute("aria-pressed", on);
  pictureOf(button).hidden = on;
  root.hidden = !on;
}

function press(event) {
  const button = event.currentTarget;
  const root = button.parentElement.nextElementSibling;
  if (root?.classList.contains("figure-questioned")) return turn(button, root);
  if ([...asking.values()].includes(button)) return; // pressed twice
  const script = document.createElement("script");
  script.src = button.dataset.numbers;
  asking.set(script, button);
  script.addEventListener("error", () => {
    asking.delete(script);
    button.textContent = "The numbers could not be loaded. Try again";
  });
  document.head.append(script);
}

document.querySelectorAll(".figure-live-button").forEach((button) => {
  button.addEventListener("click", press);
});
