// The plot of all effects: what is pointed at or focused is read above it. One mark of a panel is in
// the order of the Tab key, the arrow keys go on from there.
"use strict";

for (const plot of document.querySelectorAll("div.all-effects")) {
  const read = plot.querySelector(".effects-read");
  let chosen = null;

  function choose(mark) {
    if (mark === chosen) return;
    chosen?.classList.remove("chosen");
    chosen = mark;
    mark.classList.add("chosen");
    const badge = document.createElement("span");
    badge.className = `verdict-badge ${mark.getAttribute("class").split(" ")[0]}`;
    badge.textContent = mark.dataset.verdict;
    const card = document.createElement("a");
    card.href = mark.getAttribute("href");
    card.textContent = "Its card";
    const words = mark.querySelector("title").textContent;
    read.replaceChildren(badge, ` ${words} `, card);
  }

  for (const panel of plot.querySelectorAll("svg[role=group]")) {
    const marks = [...panel.querySelectorAll("a")];
    const reachable = (mark) => marks.forEach((one) => one.setAttribute("tabindex", one === mark ? 0 : -1));
    reachable(marks[0]);
    const markOf = (event) => event.target.closest("a");
    panel.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch" && markOf(event)) choose(markOf(event));
    });
    panel.addEventListener("focusin", (event) => {
      reachable(markOf(event));
      choose(markOf(event));
    });
    panel.addEventListener("keydown", (event) => {
      const last = marks.length - 1;
      const k = marks.indexOf(markOf(event));
      const to = { ArrowDown: k + 1, ArrowUp: k - 1, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      marks[Math.max(0, Math.min(last, to))].focus();
    });
    // A finger cannot point without touching: its first touch reads, the second follows the link.
    let before = null;
    panel.addEventListener("pointerdown", () => (before = chosen), true);
    panel.addEventListener("click", (event) => {
      if (event.pointerType === "touch" && markOf(event) !== before) event.preventDefault();
    });
  }
}
