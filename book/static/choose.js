// Turns the nested list of a page into one question at a time. An item that holds a list is an answer
// that leads to the next question; one that holds none is an end, shown as it stands in the list.
// The answers so far stand in the address, as the numbers of the items: #/3/1/2.

const PREFIX = "#/";

function made(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const listIn = (item) => item.querySelector(":scope > ul");
const itemsOf = (list) => [...list.querySelectorAll(":scope > li")];

// The bold words that an item begins with, without their full stop.
function labelOf(item) {
  return item.querySelector("strong").textContent.trim().replace(/\.$/, "");
}

// What an item says beside its label and the list that it leads to, as copies.
function restOf(item) {
  const copy = item.cloneNode(true);
  listIn(copy)?.remove();
  copy.querySelector("strong").remove();
  if (!copy.querySelector("p")) return [made("p", {}, ...copy.childNodes)];
  return [...copy.children].filter((child) => child.textContent.trim());
}

function start(root) {
  const list = root.querySelector("ul");
  const first = root.querySelector("p").textContent.trim();
  const trail = made("ol", { class: "choose-trail", "aria-label": "Your answers" });
  const step = made("div", { class: "choose-step", "aria-live": "polite" });
  const switcher = made("button", { type: "button", class: "choose-all" });
  const wizard = made("div", { class: "choose-wizard" }, trail, step);
  let path = [];

  function itemsAlong(asked) {
    const found = [];
    let level = list;
    for (const k of asked) {
      const item = level && itemsOf(level)[k];
      if (!item) break;
      found.push(item);
      level = listIn(item);
    }
    return found;
  }

  const addressOf = (steps) => PREFIX + steps.map((k) => k + 1).join("/");

  function answer(steps) {
    history.pushState(null, "", addressOf(steps));
    show(steps, { focus: true });
  }

  function button(text, steps) {
    const one = made("button", { type: "button" }, text);
    one.addEventListener("click", () => answer(steps));
    return one;
  }

  function show(asked, { focus = false } = {}) {
    const items = itemsAlong(asked);
    path = asked.slice(0, items.length);
    trail.replaceChildren(
      ...items.map((item, k) => made("li", {}, button(labelOf(item), path.slice(0, k))))
    );
    trail.querySelectorAll("button").forEach((one) => (one.title = "Answer this question anew"));
    trail.hidden = !items.length;
    const last = items.at(-1);
    const next = last ? listIn(last) : list;
    const title = made("p", { class: "choose-question", tabindex: "-1" });
    if (next) {
      title.textContent = last ? restOf(last)[0].textContent.trim() : first;
      const options = itemsOf(next).map((item, k) => button(labelOf(item), [...path, k]));
      const group = made("div", { class: "choose-options", role: "group" }, ...options);
      group.setAttribute("aria-label", title.textContent);
      step.replaceChildren(title, group);
    } else {
      title.textContent = "What was found";
      const again = button("Start again", []);
      step.replaceChildren(title, made("div", { class: "choose-answer" }, ...restOf(last)), again);
    }
    if (focus) title.focus({ preventScroll: wizard.getBoundingClientRect().top >= 0 });
  }

  function readAddress() {
    if (!location.hash.startsWith(PREFIX)) return [];
    return location.hash.slice(PREFIX.length).split("/").filter(Boolean).map((k) => Number(k) - 1);
  }

  function showAll(all) {
    root.classList.toggle("choose-by-question", !all);
    wizard.hidden = all;
    switcher.textContent = all ? "One question at a time" : "Show all answers";
    switcher.setAttribute("aria-pressed", all);
  }

  switcher.addEventListener("click", () => showAll(!wizard.hidden));
  addEventListener("popstate", () => show(readAddress()));
  root.prepend(wizard);
  root.append(switcher);
  show(readAddress());
  showAll(false);
}

document.querySelectorAll(".choose").forEach(start);
