// Asks before a disconnect in place, with one dialog for all cards; without this, the form leads to a page that asks.
(() => {
  "use strict";
  document.addEventListener("submit", (event) => {
    const asked = event.target;
    const dialog = document.getElementById("ask");
    if (!asked.dataset.ask || !dialog?.showModal) return;
    event.preventDefault();
    const form = dialog.querySelector("form");
    dialog.querySelector("h3 span").textContent = asked.closest(".card").querySelector("h2").textContent.trim();
    for (const each of dialog.querySelectorAll("[data-for]")) each.hidden = each.dataset.for !== asked.dataset.leaves;
    form.action = asked.dataset.ask;
    form.elements.connection.value = asked.dataset.connection;
    dialog.showModal();
  });

  // A click beside it is one on the dialog itself.
  document.addEventListener("click", (event) => {
    const dialog = event.target.closest?.("dialog");
    if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) dialog.close();
  });
})();
