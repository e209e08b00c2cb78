// Loads the scripts of a small playground when it comes near the part of the page that is seen.
"use strict";

// Modules are not loaded from files; the page says so.
if (location.protocol !== "file:") {
  const root = document.querySelector(".playground-small");
  const near = new IntersectionObserver(
    (seen) => {
      if (!seen.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      const load = () => import("./page.js");
      // What a page needs first comes first.
      if ("requestIdleCallback" in window) requestIdleCallback(load, { timeout: 1000 });
      else setTimeout(load, 200);
    },
    { rootMargin: "300px" }
  );
  near.observe(root);
}
