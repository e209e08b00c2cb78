// Search of the course's sections. `search_sections.js`, which the build writes, calls `courseSearch`
// with their headings and prose; stems and small words are those of Sphinx's `language_data.js`.
"use strict";

const MOST = 20; // results shown
const FITTING = 0.15; // of the best score: what fits less is left out, but for the first few
const LEAST = 5;
const WORD = /[\p{L}\p{N}]+(?:\.\p{N}+)?/gu;
const HEADING = 4;
const TITLE = 1.5;
const PROSE = 1.5;
const SYNONYM = 0.8; // against the word that was typed
const BEGINNING = 0.5; // a word of which the beginning was typed
const LONG = 60; // words of an average section
// Sections that repeat, list or ask what others explain.
const REPEATING = ["A prediction first", "Summary", "Key terms", "Exercises", "References"];
const REPEATED = 0.6;
const EXCERPT = 240; // characters

// Words of questions, which say nothing of what is asked.
const SMALL = new Set([
  ...stopwords,
  ..."after against any be been both can did do does doing from get gets got had has have how i keras me my".split(" "),
  ..."our should so than them use used using versus we what when vs where which who why work would you your".split(" "),
]);

const stems = new Map();
const stemmer = new Stemmer();

function stem(word) {
  if (!stems.has(word)) stems.set(word, stemmer.stemWord(word));
  return stems.get(word);
}

/** Words of a text with their places, without small words. */
function wordsOf(text) {
  return [...text.matchAll(WORD)].flatMap((match) => {
    const word = match[0].toLowerCase();
    if (SMALL.has(word)) return [];
    return [{ word, stem: stem(word), start: match.index, end: match.index + match[0].length }];
  });
}

const stemsOf = (text) => wordsOf(text).map((word) => word.stem);

/** Where the stems of a phrase follow each other. */
function places(found, phrase) {
  const at = [];
  for (let k = found.indexOf(phrase[0]); k !== -1; k = found.indexOf(phrase[0], k + 1)) {
    if (phrase.every((one, j) => found[k + j] === one)) at.push(k);
  }
  return at;
}

/** Sections and synonyms in the form in which they are compared with a query. */
function prepared({ pages, synonyms }) {
  const sections = pages.flatMap(([page, weight, all]) => {
    const title = all[0][1];
    const titleStems = stemsOf(title.replace(/^\d+\. /, "")); // without a chapter's number
    return all.map(([anchor, heading, prose]) => ({
      address: anchor ? `${page}#${anchor}` : page,
      place: anchor ? title : "",
      heading,
      prose,
      weight: weight * (REPEATING.includes(heading) ? REPEATED : 1),
      fields: { heading: anchor ? stemsOf(heading) : titleStems, title: titleStems, prose: stemsOf(prose) },
    }));
  });
  const holding = new Map(); // stem -> sections that have it
  for (const section of sections) {
    for (const one of new Set(Object.values(section.fields).flat())) {
      if (!holding.has(one)) holding.set(one, []);
      holding.get(one).push(section);
    }
  }
  const groups = new Map(); // phrase -> all phrases of its line
  for (const line of synonyms) {
    const phrases = line.map(stemsOf);
    for (const phrase of phrases) groups.set(phrase.join(" "), phrases);
  }
  const longest = Math.max(...[...groups.keys()].map((key) => key.split(" ").length));
  return { sections, holding, groups, longest, words: [...stems.keys()] };
}

/** What is asked for: a list of things, each a list of phrases with weights. */
function askedFor(query, index) {
  const typed = wordsOf(query);
  const things = [];
  for (let k = 0; k < typed.length; ) {
    let length = Math.min(index.longest, typed.length - k);
    const phraseOf = () => typed.slice(k, k + length).map((word) => word.stem);
    while (length > 1 && !index.groups.has(phraseOf().join(" "))) length -= 1;
    const phrase = phraseOf();
    const group = index.groups.get(phrase.join(" "));
    const others = (group ?? []).filter((one) => one.join(" ") !== phrase.join(" "));
    const thing = [[phrase, 1], ...others.map((one) => [one, SYNONYM])];
    if (!group && !index.holding.has(phrase[0]) && typed[k].word.length > 2) {
      const longer = index.words.filter((word) => word.startsWith(typed[k].word));
      thing.push(...[...new Set(longer.map(stem))].map((one) => [[one], BEGINNING]));
    }
    things.push(thing);
    k += length;
  }
  return things;
}

/** How much a section says about one of the phrases of a thing. */
function worth(section, thing) {
  const { heading, title, prose } = section.fields;
  let times = 0;
  let inNames = 0;
  for (const [phrase, weight] of thing) {
    const inHeading = places(heading, phrase).length ? HEADING / Math.sqrt(1 + heading.length / 6) : 0;
    const inTitle = places(title, phrase).length ? TITLE : 0;
    inNames = Math.max(inNames, weight * (inHeading + inTitle));
    times += weight * places(prose, phrase).length;
  }
  return inNames + (PROSE * times) / (times + 0.5 + prose.length / (2 * LONG));
}

/** Sections for a query, the best first: [{section, things}]. */
function ranked(query, index) {
  const things = askedFor(query, index);
  const scores = new Map();
  for (const thing of things) {
    const candidates = new Set(thing.flatMap(([phrase]) => index.holding.get(phrase[0]) ?? []));
    const worths = [...candidates].map((one) => [one, worth(one, thing)]).filter(([, w]) => w > 0);
    const rare = Math.log(1 + index.sections.length / worths.length);
    for (const [section, w] of worths) {
      const sum = scores.get(section) ?? { score: 0, found: 0 };
      scores.set(section, { score: sum.score + rare * w, found: sum.found + 1 });
    }
  }
  // Who asks for exercises gets them.
  const weightOf = /\b(exercises?|solutions?)\b/i.test(query) ? () => 1 : (one) => one.weight;
  const results = [...scores].map(([section, { score, found }]) => ({
    section,
    things,
    score: score * weightOf(section) * (found / things.length) ** 2,
  }));
  results.sort((a, b) => b.score - a.score);
  return results.filter(({ score }, k) => k < LEAST || score >= FITTING * results[0].score);
}

/** Parts of a text, [text, whether it is what was asked for]. */
function marked(text, things) {
  const words = wordsOf(text);
  const found = words.map((word) => word.stem);
  const hit = new Set();
  for (const [phrase] of things.flat()) {
    for (const at of places(found, phrase)) phrase.forEach((_, j) => hit.add(at + j));
  }
  const parts = [];
  let end = 0;
  for (let k = 0; k < words.length; k += 1) {
    if (!hit.has(k)) continue;
    const { start } = words[k];
    while (hit.has(k + 1)) k += 1; // words that follow each other have one mark
    parts.push([text.slice(end, start), false], [text.slice(start, words[k].end), true]);
    end = words[k].end;
  }
  return [...parts, [text.slice(end), false]].filter(([part]) => part);
}

/** The sentence of a section that holds most of what was asked for and is not in its heading. */
function sentence(section, things) {
  const sentences = section.prose.split(/\n|(?<=[.?!:]\)?)\s+(?=[\p{Lu}"“(])/u);
  const holds = (found) => (thing) => thing.some(([phrase]) => places(found, phrase).length);
  const inHeading = holds(section.fields.heading);
  const missing = things.filter((thing) => !inHeading(thing));
  let best = "";
  let most = -1;
  for (const one of sentences) {
    const held = missing.filter(holds(stemsOf(one)));
    // A fragment, such as a cell of a table, or names of code, only where nothing better is there.
    const score = held.length + (one.length > 40 ? 0.5 : 0) - (/\w[(=]/.test(one) ? 0.25 : 0);
    if (score > most) [best, most] = [one, score];
  }
  if (best.length <= EXCERPT) return best;
  const first = marked(best, things).findIndex(([, hit]) => hit);
  const before = marked(best, things).slice(0, Math.max(0, first)).map(([part]) => part).join("").length;
  const start = before < EXCERPT / 2 ? 0 : best.lastIndexOf(" ", before - EXCERPT / 3) + 1;
  const end = best.lastIndexOf(" ", start + EXCERPT);
  const rest = start + EXCERPT >= best.length;
  return (start ? "… " : "") + best.slice(start, rest ? undefined : end) + (rest ? "" : " …");
}

function element(name, parts, attributes = {}) {
  const made = Object.assign(document.createElement(name), attributes);
  for (const part of parts) made.append(part);
  return made;
}

const withMarks = (text, things) =>
  marked(text, things).map(([part, hit]) => (hit ? element("mark", [part]) : part));

function item({ section, things }) {
  const link = element("a", withMarks(section.heading, things), { href: section.address });
  const parts = [element("h2", [link])];
  if (section.place) parts.push(element("p", [section.place], { className: "search-place" }));
  const text = sentence(section, things);
  if (text) parts.push(element("p", withMarks(text, things), { className: "search-sentence" }));
  return element("li", parts);
}

function counted(results, query) {
  if (!wordsOf(query).length) return query.trim() ? "These words are too small to be searched for." : "";
  if (!results.length) return "No section has these words. Fewer words, or others, may find it.";
  if (results.length > MOST) return `${results.length} sections found; these ${MOST} fit best.`;
  return results.length === 1 ? "One section found." : `${results.length} sections found.`;
}

function courseSearch(data) {
  let index; // prepared when something is asked for, since that takes a moment on a phone
  const field = document.querySelector(".bd-search-container input[name=q]");
  const list = document.getElementById("search-sections");
  const count = document.getElementById("search-count");

  function show() {
    if (field.value) index ??= prepared(data);
    const results = field.value ? ranked(field.value, index) : [];
    list.replaceChildren(...results.slice(0, MOST).map(item));
    count.textContent = counted(results, field.value);
  }

  function changed() {
    const address = new URL(location);
    address.searchParams.set("q", field.value);
    history.replaceState(history.state, "", address);
    show();
  }

  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(changed, 150);
  });
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    changed();
  });
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  field.focus();
  show();
}
