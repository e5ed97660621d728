// Opens, or closes, everything that tells of a record's past at once.
(() => {
  "use strict";
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-unfolds]");
    if (!button) return;
    const open = button.getAttribute("aria-expanded") !== "true";
    for (const past of document.querySelectorAll(button.dataset.unfolds)) past.open = open;
    button.setAttribute("aria-expanded", String(open));
  });
})();
