// Choosing several questions: all at once, by key, and only what may be done to all of them.
(() => {
  "use strict";
  const form = document.querySelector("[data-several]");
  if (!form) return;
  const boxes = () => [...form.querySelectorAll('[name="chosen"]:not(:disabled)')];
  const chosen = () => boxes().filter((box) => box.checked);
  const all = form.querySelector("[data-all]");

  const shareARule = (picked) =>
    new Set(picked.map((box) => box.dataset.kind)).size === 1 &&
    picked[0].dataset.guards.split(" ").some(
      (guard) => guard && picked.every((box) => box.dataset.guards.split(" ").includes(guard)));

  const tell = () => {
    const picked = chosen();
    form.querySelector("[data-count]").textContent = picked.length ? String(picked.length) : "";
    all.checked = picked.length > 0 && picked.length === boxes().length;
    all.indeterminate = picked.length > 0 && !all.checked;
    for (const button of form.querySelectorAll("button[name='act']")) {
      button.disabled = picked.length === 0 || (button.hasAttribute("data-hard") && !shareARule(picked));
    }
  };

  form.addEventListener("change", (event) => {
    if (event.target === all) for (const box of boxes()) box.checked = all.checked;
    tell();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "v" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const row = event.target.closest("[data-row]");
    const box = row && row.closest("tr").querySelector('[name="chosen"]');
    if (box && !box.disabled) { event.preventDefault(); box.checked = !box.checked; tell(); }
  });

  tell();
})();
