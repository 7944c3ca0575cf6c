// What the theme leaves undone for readers who use a keyboard or a screen reader.
document.addEventListener("DOMContentLoaded", () => {
  // A name that differs from the visible words cannot be spoken to the control.
  for (const control of document.querySelectorAll(".search-button-field[aria-label], summary[aria-label]"))
    control.removeAttribute("aria-label");
  for (const icon of document.querySelectorAll(".theme-switch-button > *")) icon.setAttribute("aria-hidden", "true");
  document.querySelector(".sidebar-primary-items__start")?.setAttribute("role", "complementary");
  // A column head without words is no head.
  for (const head of document.querySelectorAll("thead th"))
    if (!head.textContent.trim()) head.replaceWith(document.createElement("td"));
  // The roles that docutils gives to bibliographies were withdrawn from ARIA.
  for (const entry of document.querySelectorAll(".citation-list, .citation-list [role]")) entry.removeAttribute("role");
});

// What scrolls sideways must be reachable with the keyboard. Equations have their width once MathJax has set them.
function reach() {
  for (const box of document.querySelectorAll(".bd-article :is(pre, div.math, .pst-scrollable-table-container, .output)"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
window.addEventListener("load", () => {
  reach();
  window.MathJax?.startup?.promise?.then(() => {
    reach();
    // A column head that is a formula alone needs words that every screen reader reads.
    for (const head of document.querySelectorAll("th:has(mjx-container)")) {
      const words = Object.assign(document.createElement("span"), { className: "visually-hidden" });
      words.textContent = head.textContent.trim();
      head.querySelectorAll("mjx-assistive-mml").forEach((formula) => formula.setAttribute("aria-hidden", "true"));
      head.append(words);
    }
  });
});
window.addEventListener("resize", reach);

// Pictures are loaded when they come into view; those of a slider before it is moved.
for (const moment of ["pointerover", "focusin"])
  document.addEventListener(moment, (event) => {
    event.target.closest(".dw-slider")?.querySelectorAll("img[loading]").forEach((picture) => (picture.loading = "eager"));
  });
