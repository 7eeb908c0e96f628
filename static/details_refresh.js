// The page of one connection: when its card has changed, the facts beside it are fetched anew.
(() => {
  "use strict";
  const version = () => document.querySelector("#cards [data-version]")?.dataset.version;
  let known = version();

  document.addEventListener("htmx:sse:after:message", () => {
    const now = version();
    if (now === undefined || now === known) return; // gone, or no news
    known = now;
    document.getElementById("facts").dispatchEvent(new CustomEvent("facts:old"));
  });

  // It went while nobody listened: the server says kindly that it is gone.
  function leave(event) {
    const status = event.detail?.status ?? event.detail?.ctx?.response?.status;
    if (event.target === document.getElementById("live") && status === 404) location.reload();
  }
  ["htmx:sse:error", "htmx:response:error"].forEach((name) => document.addEventListener(name, leave));
})();
