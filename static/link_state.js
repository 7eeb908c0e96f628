// Shows whether the server is heard, as static/stream.js notices it (event `link`), and that the browser is offline.
// Tells other scripts when that changes (event `link:changed`).
(() => {
  "use strict";
  const root = document.documentElement;
  let state = "";
  let heard = Date.now(); // when something last came from the server

  function show(next) {
    if (next === state) return;
    state = next;
    root.dataset.link = next;
    if (next === "lost") showSince(document.getElementById("lost-at"));
    document.dispatchEvent(new CustomEvent("link:changed", { detail: next }));
  }

  // In the account's time zone, as on the cards, not in the browser's.
  function showSince(place) {
    const clock = { hour: "2-digit", minute: "2-digit", timeZone: place.dataset.zone };
    try {
      place.textContent = `Показаны данные на ${new Date(heard).toLocaleTimeString("ru", clock)}.`;
    } catch {
      place.textContent = ""; // a zone that this browser does not know: no time is better than another one
    }
  }

  const offline = (is) => root.toggleAttribute("data-offline", is);

  document.addEventListener("link", ({ detail }) => {
    if (detail === "live") {
      heard = Date.now();
      offline(false); // a network without internet may have us in it
    }
    show(detail);
  });
  // Believed at once, although the stream may stay silent for long before it fails.
  addEventListener("offline", () => { offline(true); show("lost"); });
  addEventListener("online", () => offline(false));
})();
