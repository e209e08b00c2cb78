// Sections that wait (see course.css) are laid out one at a time, when the browser has nothing else
// to do, from the moment that the reader first does something. Then Bootstrap marks in the page's
// contents where the reader is; as the page loads, it would have every section laid out for that.
"use strict";

{
  const starts = ["scroll", "keydown", "pointerdown"];
  const later = window.requestIdleCallback
    ? (work) => requestIdleCallback(work, { timeout: 200 })
    : (work) => setTimeout(work, 50); // Safari

  function begin() {
    for (const start of starts) removeEventListener(start, begin, true);
    const far = [...document.querySelectorAll(".bd-article > section > section")];

    function next() {
      const section = far.shift();
      if (section) {
        section.style.contentVisibility = "visible";
        later(next);
      } else {
        dispatchEvent(new Event("resize")); // the theme looks at all blocks again
        window.bootstrap.ScrollSpy.getOrCreateInstance(document.body);
      }
    }
    later(next);
  }
  for (const start of starts) addEventListener(start, begin, { capture: true, passive: true });
}
