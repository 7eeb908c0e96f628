// Keeps the stream open: repeats a failed first connect, cancels a silent stream, opens none in hidden tabs, shows the state.
(() => {
  "use strict";
  const SILENCE = 35_000; // milliseconds; two heartbeats of 15 s missed, and some
  const LOOK = 2_000; // milliseconds between two looks
  const element = () => document.getElementById("live");
  let connection = null;
  let heard = Date.now(); // when something last came from the server
  let state = "";
  let ended = false;

  function show(next) {
    if (next === state) return;
    state = next;
    document.documentElement.dataset.link = next;
    if (next === "lost") showSince(document.getElementById("lost-at"));
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

  function open() {
    const live = element();
    if (ended || document.hidden || !live || live._htmx?.sse) return;
    live.dispatchEvent(new CustomEvent("live:open"));
  }

  function alive(event) {
    connection = event.detail?.connection ?? connection;
    heard = Date.now();
    show("live");
  }

  function look() {
    if (document.hidden) return;
    open();
    if (Date.now() - heard < SILENCE) return;
    show("lost");
    heard = Date.now(); // gives the next attempt its time
    connection?.reader?.cancel();
  }

  const lost = (event) => { if (event.target === element() && !document.hidden) show("lost"); };
  const signs = ["htmx:sse:after:connection", "htmx:sse:after:message", "heartbeat"];
  const failures = ["htmx:sse:error", "htmx:sse:close", "htmx:error", "htmx:response:error"];
  signs.forEach((name) => document.addEventListener(name, alive));
  failures.forEach((name) => document.addEventListener(name, lost));
  document.addEventListener("session-expired", () => {
    ended = true;
    if (document.querySelector('form[action="/logout"][aria-busy]')) return; // it is on its way out
    location.assign("/login?expired=1&next=" + encodeURIComponent(location.pathname + location.search));
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) heard = Date.now();
    open();
  });
  ["online", "pageshow"].forEach((name) => addEventListener(name, open));
  document.addEventListener("htmx:after:process", open, { once: true });
  setInterval(look, LOOK);
})();
