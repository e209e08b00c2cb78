// Filters the table of evidence. The filter is part of the page's address, to be shared.
"use strict";

for (const evidence of document.querySelectorAll("div.evidence")) {
  const form = evidence.querySelector(".evidence-controls");
  const count = evidence.querySelector(".evidence-count");
  const rows = [...evidence.querySelectorAll("tbody tr")];
  const controls = ["verdict", "lasts", "chapter", "words"].map((name) => form.elements[name]);
  const [verdict, lasts, chapter, words] = controls;

  // Sentence, numbers and name, without the command that all rows of a chapter have.
  const texts = new Map(
    rows.map((row) => {
      const parts = [...row.querySelectorAll("summary, p, a")];
      return [row, parts.map((part) => part.textContent).join(" ").toLowerCase()];
    }),
  );

  function show() {
    const wanted = words.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      row.hidden =
        (verdict.value && row.dataset.verdict !== verdict.value) ||
        (lasts.value && row.dataset.lasts !== lasts.value) ||
        (chapter.value && row.dataset.chapter !== chapter.value) ||
        !wanted.every((word) => texts.get(row).includes(word));
    }
    count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} claims`;
  }

  function changed() {
    show();
    const address = new URL(location);
    for (const control of controls) {
      if (control.value.trim()) address.searchParams.set(control.name, control.value.trim());
      else address.searchParams.delete(control.name);
    }
    history.replaceState(history.state, "", address);
  }

  const asked = new URLSearchParams(location.search);
  for (const control of controls) {
    control.value = asked.get(control.name) ?? "";
    if (control.selectedIndex === -1) control.value = ""; // an option that is not there
  }
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.querySelector("button").addEventListener("click", () => {
    for (const control of controls) control.value = "";
    changed();
  });
  show();
}
