// A form that filters a list applies by itself; its button stays where there is no script.
(() => {
  "use strict";
  for (const form of document.querySelectorAll("form[data-applies]")) {
    form.querySelector("button:not([name])").hidden = true;
    form.addEventListener("change", () => form.requestSubmit());
  }
})();
