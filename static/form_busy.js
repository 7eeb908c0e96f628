// Marks the pressed button as busy until the next page comes, ignores a second press, and shows messages about a form.
// The button is not disabled: it would lose the focus, and a page that does not come would leave a keyboard nowhere.
(() => {
  "use strict";
  const PATIENCE = 30_000; // milliseconds after which a button may be tried again

  function hold(form, button) {
    form.setAttribute("aria-busy", "true");
    button?.setAttribute("aria-busy", "true");
    setTimeout(() => release(form, button), PATIENCE);
  }

  function release(form, button) {
    form.removeAttribute("aria-busy");
    button?.removeAttribute("aria-busy");
  }

  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return; // htmx sends this one and marks it itself
    if (event.target.hasAttribute("aria-busy")) event.preventDefault();
    else hold(event.target, event.submitter);
  });

  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[aria-busy]")) {
      release(form, form.querySelector("button[aria-busy]"));
    }
  });

  const FAILED = "Не получилось. Обновите страницу и попробуйте ещё раз.";
  const TOO_SOON = "Слишком часто. Подождите немного и попробуйте снова.";

  let unsent = false; // the notice is about a request that did not get through

  function notice(text) {
    unsent = false;
    const element = document.getElementById("notice");
    if (!element) return;
    element.textContent = text;
    element.hidden = !text;
  }

  const isForm = (event) => event.target instanceof HTMLFormElement;
  document.addEventListener("htmx:before:request", (event) => { if (isForm(event)) notice(""); });
  document.addEventListener("htmx:error", (event) => {
    if (!isForm(event)) return;
    notice(FAILED);
    unsent = true;
  });
  document.addEventListener("link:changed", (event) => { if (unsent && event.detail === "live") notice(""); });
  addEventListener("online", () => { if (unsent) notice(""); }); // a stream may have lived on meanwhile
  // The header of `_notice` in app/web/connections/index.py.
  const told = (event) => decodeURIComponent(event.detail.ctx.response.headers.get("Notice") ?? "");
  document.addEventListener("htmx:after:request", (event) => { if (isForm(event)) notice(told(event)); });
  document.addEventListener("htmx:response:error", (event) => {
    const usual = event.detail.ctx.response.status === 429 ? TOO_SOON : FAILED;
    if (isForm(event)) notice(told(event) || usual);
  });
})();
