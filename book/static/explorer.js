// Lets a reader choose a condition of the atlas and see what each technique did there.
// The condition stands in the address, so that a view can be shared.

const KEYS = ["rows", "noise", "units", "end", "steps"];

function number(value) {
  return (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(3);
}

function start(explorer) {
  const atlas = JSON.parse(explorer.querySelector("script[type='application/json']").textContent);
  const form = explorer.querySelector("form");
  const body = explorer.querySelector("tbody");
  const said = explorer.querySelector("[role=status]");
  const code = explorer.querySelector("pre");
  const copy = explorer.querySelector("button");

  let reach; // the longest bar of what is shown
  const across = (value) => 50 + (48 * value) / reach;

  function chosen() {
    return Object.fromEntries(KEYS.map((key) => [key, form.elements[key].value]));
  }

  function bar([effect, low, high], verdict) {
    return `<svg class="effect-bar verdict-${atlas.roles[verdict]}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <line class="zero" x1="50" x2="50" y1="0" y2="10"/>
      <line class="interval" x1="${across(low)}" x2="${across(high)}" y1="5" y2="5"/>
      <rect x="${across(effect) - 0.7}" y="1.5" width="1.4" height="7"/></svg>`;
  }

  function show() {
    const now = chosen();
    const found = atlas.effects[`${now.end},${now.rows},${now.noise},${now.units},${now.steps}`];
    const shown = found.filter(Boolean);
    reach = Math.max(...shown.flatMap((one) => one.slice(0, 3)).map(Math.abs));
    body.innerHTML = atlas.techniques
      .map((technique, k) => {
        if (!found[k]) return "";
        const [effect, low, high, verdict] = found[k];
        return `<tr><th scope="row">${technique}</th><td>${bar(found[k], verdict)}</td>
          <td>${number(effect)}<span class="of">${number(low)} to ${number(high)}</span></td>
          <td><span class="verdict-badge verdict-${atlas.roles[verdict]}"><span aria-hidden="true">${atlas.signs[verdict]}</span> ${atlas.verdicts[verdict]}</span></td></tr>`;
      })
      .join("");

    const helped = found.flatMap((one, k) => (one && one[3] === 0 ? [k] : []));
    const best = helped.sort((a, b) => found[b][0] - found[a][0])[0];
    if (best === undefined) {
      said.textContent = "No technique was shown to help here. Start without one.";
    } else {
      const level = atlas.techniques.filter((_, k) => k !== best && found[k] && !found[k][4]);
      said.textContent =
        `${atlas.techniques[best]} was shown to help and is the highest: ${number(found[best][0])}. ` +
        (level.length
          ? `It cannot be told apart from ${level.join(", ")}.`
          : "All the others are behind it.");
    }
    code.textContent = atlas.code[best === undefined ? "none" : atlas.techniques[best]].replaceAll(
      "UNITS",
      now.units
    );
    history.replaceState(null, "", "#" + new URLSearchParams(now));
  }

  function readAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    for (const key of KEYS) {
      const field = form.elements[key];
      if ([...field.options].some((option) => option.value === asked.get(key)))
        field.value = asked.get(key);
    }
    return KEYS.some((key) => asked.has(key));
  }

  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // no permission: the reader can copy what is marked
      copy.textContent = "Marked: copy it now";
    }
    setTimeout(() => (copy.textContent = "Copy the code"), 2000);
  });
  form.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => readAddress() && show());
  form.hidden = false;
  explorer.querySelector(".explorer-without").hidden = true;
  explorer.querySelector(".explorer-result").hidden = false;
  const shared = readAddress();
  const address = location.href;
  show();
  if (!shared) history.replaceState(null, "", address); // a plain address stays plain
}

document.querySelectorAll(".explorer").forEach(start);
