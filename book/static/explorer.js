// Lets a reader choose data, network and condition of the atlas, and see what each technique did.
// The choice stands in the address, so that a view can be shared. The numbers of a part of the atlas
// are a script of their own, loaded when the part is chosen; they are thousandths.

const AXES = ["rows", "noise", "units", "batch"];
const HELPED = 0;
const HARMED = 1;
const SVG = "http://www.w3.org/2000/svg";

const loaded = new Map(); // numbers of the parts that were asked for, as promises
const waiting = new Map(); // what resolves them

window.courseAtlas = (part, numbers) => waiting.get(part)?.(numbers);

function load(part, address) {
  if (!loaded.has(part)) {
    const numbers = new Promise((resolve, reject) => {
      waiting.set(part, resolve);
      const script = document.createElement("script");
      script.src = address;
      script.addEventListener("error", reject);
      document.head.append(script);
    });
    numbers.catch(() => loaded.delete(part)); // the next choice tries again
    loaded.set(part, numbers);
  }
  return loaded.get(part);
}

function signed(value) {
  const digits = (Math.abs(value) / 1000).toFixed(3);
  return value === 0 ? digits : (value < 0 ? "\u2212" : "+") + digits;
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function list(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

const WORDS = {
  rows: (rows) => `${rows} labelled rows`,
  noise: (noise) => (noise > 0 ? `${Math.round(100 * noise)}\u00a0% wrong labels` : "right labels"),
  units: (units) => `${units} units in each hidden layer`,
  batch: (rows) => `${rows} rows a step`,
};
const OPTIONS = { noise: (noise) => (noise > 0 ? `${Math.round(100 * noise)} %` : "none") };

// The scale of a view: from the lowest to the highest end of an interval, with zero in between.
function scaleOf(shown, smallest) {
  const ends = shown.flatMap((one) => one.slice(0, 5));
  const low = Math.min(-1.5 * smallest, ...ends);
  const high = Math.max(1.5 * smallest, ...ends);
  const step = [5, 10, 20, 50, 100, 200, 500].find((size) => (high - low) / size <= 5.5) ?? 1000;
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick);
  return { ticks, across: (value) => 3 + (94 * (value - low)) / (high - low) };
}

const percent = (number) => `${number.toFixed(2)}%`;

function grid({ ticks, across }, smallest) {
  const band = { x: percent(across(-smallest)), width: percent(across(smallest) - across(-smallest)) };
  return [
    drawn("rect", { class: "band", y: 0, height: "100%", ...band }),
    ...ticks.map((tick) => {
      const x = percent(across(tick));
      return drawn("line", { class: tick ? "tick" : "zero", x1: x, x2: x, y1: 0, y2: "100%" });
    }),
  ];
}

function axis(scale) {
  const labels = scale.ticks.map((tick) => {
    const text = tick ? signed(tick).replace(/(\.\d+?)0+$/, "$1") : "0";
    return drawn("text", { x: percent(scale.across(tick)), y: "70%" }, text);
  });
  return drawn("svg", { class: "effect-axis", "aria-hidden": "true" }, ...labels);
}

function interval([effect, low, high, jointLow, jointHigh, verdict], scale, atlas) {
  const across = (value) => percent(scale.across(value));
  const line = (name, from, to) =>
    drawn("line", { class: name, x1: across(from), x2: across(to), y1: "50%", y2: "50%" });
  return drawn(
    "svg",
    { class: `effect-drawn verdict-${atlas.roles[verdict]}`, "aria-hidden": "true" },
    ...grid(scale, atlas.smallest),
    line("joint", jointLow, jointHigh),
    line("interval", low, high),
    drawn("circle", { cx: across(effect), cy: "50%", r: 5 })
  );
}

function start(explorer) {
  const atlas = JSON.parse(explorer.querySelector("script[type='application/json']").textContent);
  const form = explorer.querySelector("form");
  const body = explorer.querySelector("tbody");
  const said = explorer.querySelector("[role=status]");
  const code = explorer.querySelector(".explorer-code");
  const copy = code.querySelector("button");
  const field = (name) => form.elements[name];
  let numbers; // of the part that is shown

  function fill(select, options, wanted) {
    select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
    select.value = String(wanted);
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }

  function fillParts(wanted) {
    const parts = Object.entries(atlas.parts).filter(([, one]) => one.data === field("data").value);
    fill(field("part"), parts.map(([name, one]) => [name, one.network]), wanted);
    fillAxes();
  }

  function fillAxes(wanted = {}) {
    const { axes } = atlas.parts[field("part").value];
    for (const axis of AXES) {
      const values = axes[axis] ?? [];
      const options = values.map((value) => [value, String(OPTIONS[axis]?.(value) ?? value)]);
      fill(field(axis), options, wanted[axis] ?? field(axis).value);
      field(axis).closest("label").hidden = values.length < 2;
    }
  }

  function chosen() {
    const part = field("part").value;
    const condition = AXES.filter((axis) => axis in atlas.parts[part].axes);
    return {
      part,
      ...Object.fromEntries(condition.map((axis) => [axis, field(axis).value])),
      end: field("end").value,
      budget: Number(field("steps").value),
    };
  }

  // Each technique of the view with its numbers, the highest effect first.
  function view(now, budget = now.budget) {
    const condition = AXES.filter((axis) => axis in now).map((axis) => now[axis]);
    const [accuracy, ...found] = numbers.found[now.end][condition.join(",")][budget];
    const rows = numbers.techniques
      .slice(1)
      .map((technique, k) => ({ technique, found: found[k] }))
      .filter((row) => row.found);
    return { accuracy, condition, rows: rows.sort((a, b) => b.found[0] - a.found[0]) };
  }

  function lasting(now, budget, condition) {
    const steps = atlas.steps[budget];
    const epochs = numbers.epochs?.[condition.join(",")][budget];
    return epochs ? `up to ${steps} steps (${epochs} epochs)` : `up to ${steps} steps`;
  }

  function sentences(now, { accuracy, condition, rows }) {
    const part = atlas.parts[now.part];
    const first = numbers.techniques[0];
    const where = AXES.filter((axis) => axis in now).map((axis) => WORDS[axis](now[axis]));
    const length = lasting(now, now.budget, condition);
    const named = (verdict) =>
      rows.filter(({ found }) => found[5] === verdict).map((r) => `${r.technique} (${signed(r.found[0])})`);
    const helped = named(HELPED);
    const harmed = named(HARMED).reverse();
    const texts = [
      `${atlas.data[part.data]}, ${part.network}, ${where.join(", ")}, ${length}: “${first}” reached an accuracy of ${(accuracy / 1000).toFixed(3)}.`,
      (helped.length ? `Shown to help: ${list(helped)}. ` : "No technique was shown to help here. ") +
        (harmed.length ? `Shown to do harm: ${list(harmed)}.` : "None was shown to do harm."),
    ];
    const same = named(2).length;
    const open = named(3).length;
    const limit = (atlas.smallest / 1000).toString();
    if (same || open)
      texts[1] +=
        " Of the others, " +
        list([
          ...(same ? [`${same} changed it by no more than ${limit}`] : []),
          ...(open ? [`${open} ${open === 1 ? "is" : "are"} undecided`] : []),
        ]) +
        ".";
    const others = new Map(); // techniques that help or do harm at other lengths only, by those
    for (const { technique, found } of rows)
      for (const verdict of [HELPED, HARMED]) {
        const at = atlas.steps.filter(
          (_, budget) =>
            found[5] !== verdict &&
            view(now, budget).rows.find((row) => row.technique === technique)?.found[5] === verdict
        );
        const words = `${verdict === HELPED ? "help" : "harm"} at ${list(at.map(String))}`;
        if (at.length) others.set(words, [...(others.get(words) ?? []), technique]);
      }
    const elsewhere = [...others].map(([words, techniques]) => `${words}: ${list(techniques)}`);
    if (elsewhere.length) texts.push(`With another number of steps, ${elsewhere.join("; ")}.`);
    texts[0] = texts[0][0].toUpperCase() + texts[0].slice(1);
    return texts;
  }

  function row({ technique, found }, scale) {
    const verdict = found[5];
    const sign = element("span", { "aria-hidden": "true" }, atlas.signs[verdict]);
    const badge = element("span", { class: `verdict-badge verdict-${atlas.roles[verdict]}` });
    badge.append(sign, ` ${atlas.verdicts[verdict]}`);
    const of = element("span", { class: "of" }, `${signed(found[3])} to ${signed(found[4])}`);
    return element(
      "tr",
      { role: "row" },
      element("th", { role: "rowheader", scope: "row" }, technique),
      element("td", { role: "cell", class: "drawn" }, interval(found, scale, atlas)),
      element("td", { role: "cell" }, `${signed(found[0])} `, of),
      element("td", { role: "cell" }, badge)
    );
  }

  function draw(now) {
    const shown = view(now);
    const scale = scaleOf(shown.rows.map((one) => one.found), atlas.smallest);
    body.replaceChildren(...shown.rows.map((one) => row(one, scale)));
    const top = explorer.querySelector("thead .drawn");
    top.replaceChildren(top.firstElementChild, axis(scale));
    said.replaceChildren(...sentences(now, shown).map((text) => element("p", {}, text)));
    explorer.querySelector(".first").textContent = numbers.techniques[0];
    const length = lasting(now, now.budget, shown.condition);
    field("steps").setAttribute("aria-valuetext", length);
    field("steps").previousElementSibling.textContent = `Training: ${length}`;
    const best = shown.rows.find(({ found }) => found[5] === HELPED)?.technique ?? "none";
    code.hidden = !numbers.code;
    code.querySelector("summary").textContent = `Keras code of “${best}”`;
    code.querySelector("pre").textContent = numbers.code?.[best].replaceAll("UNITS", now.units) ?? "";
  }

  function addressOf({ budget, ...now }) {
    return location.pathname + "#" + new URLSearchParams({ ...now, steps: atlas.steps[budget] });
  }

  async function show({ remember = true } = {}) {
    const { part } = chosen();
    try {
      numbers = await load(part, atlas.parts[part].src);
    } catch {
      said.replaceChildren(element("p", {}, "The numbers could not be loaded. Choose again."));
      return;
    }
    if (chosen().part !== part) return; // another was chosen meanwhile
    draw(chosen());
    if (remember) history.replaceState(null, "", addressOf(chosen()));
  }

  // Links of the course hold the condition as a query, and what a reader chose then is behind a #.
  // Addresses without a part are those of the first part, which was once the only one.
  function readAddress() {
    const asked = Object.fromEntries(new URLSearchParams(location.hash.slice(1) || location.search));
    const addressed = "part" in asked || AXES.some((axis) => axis in asked);
    const known = asked.part in atlas.parts ? asked.part : Object.keys(atlas.parts)[0];
    const wanted = addressed ? { ...asked, part: known } : atlas.opens;
    field("data").value = atlas.parts[wanted.part].data;
    fillParts(wanted.part);
    fillAxes(wanted);
    if (["final", "best"].includes(asked.end)) field("end").value = asked.end;
    const budget = atlas.steps.map(String).indexOf(asked.steps);
    if (budget >= 0) field("steps").value = budget;
    return addressed;
  }

  copy.addEventListener("click", async () => {
    const text = code.querySelector("pre");
    try {
      await navigator.clipboard.writeText(text.textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text); // no permission: the reader can copy what is marked
      copy.textContent = "Marked: copy it now";
    }
    setTimeout(() => (copy.textContent = "Copy the code"), 2000);
  });
  field("data").addEventListener("change", () => fillParts());
  field("part").addEventListener("change", () => fillAxes());
  form.addEventListener("change", () => show());
  field("steps").addEventListener("input", () => show());
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => readAddress() && show());
  const datasets = Object.entries(atlas.data);
  fill(field("data"), datasets, atlas.parts[atlas.opens.part].data);
  const shared = readAddress();
  if (shared) explorer.scrollIntoView();
  show({ remember: shared }); // a plain address stays plain
}

document.querySelectorAll(".explorer").forEach(start);
