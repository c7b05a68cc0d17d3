// The theme of the last visit, set before anything is drawn; this file is no module, because those wait for the page.
"use strict";
(() => {
  const kept = "rag-theme";
  const root = document.documentElement;
  const show = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  let theme = "system";
  try { theme = localStorage.getItem(kept) ?? "system"; } catch { /* storage is switched off: the system's theme */ }
  show(theme);
  document.addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    choice.value = root.dataset.theme ?? "system";
    choice.addEventListener("change", () => {
      show(choice.value);
      try { localStorage.setItem(kept, choice.value); } catch { /* as above: for this visit only */ }
    });
  });
})();
