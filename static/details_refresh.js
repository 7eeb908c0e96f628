// The page of one connection: when its card has changed, fetches the details beside it.
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

  // The connection was deleted while there was no stream: the server's 404 page says so.
  function leave(event) {
    const status = event.detail?.status ?? event.detail?.ctx?.response?.status;
    if (event.target === document.getElementById("live") && status === 404) location.reload();
  }
  ["htmx:sse:error", "htmx:response:error"].forEach((name) => document.addEventListener(name, leave));
})();
