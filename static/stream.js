// Keeps the stream open, which begins with what this page lacks: repeats a failed first connect, cancels a silent stream, opens none in hidden tabs.
(() => {
  "use strict";
  const SILENCE = 22_500; // milliseconds; a heartbeat comes every 15 s: one missed, and 6 s for its way
  const LOOK = 2_000; // milliseconds between two looks
  const element = () => document.getElementById("live");
  const tell = (link) => document.dispatchEvent(new CustomEvent("link", { detail: link }));
  let connection = null;
  let heard = Date.now(); // when something last came from the server
  let ended = false;

  function open() {
    const live = element();
    if (ended || document.hidden || !live || live._htmx?.sse) return;
    live.dispatchEvent(new CustomEvent("live:open"));
  }

  function alive(event) {
    connection = event.detail?.connection ?? connection;
    heard = Date.now();
    tell("live");
  }

  function look() {
    if (document.hidden) return;
    open();
    if (Date.now() - heard < SILENCE) return;
    tell("lost");
    heard = Date.now(); // gives the next attempt its time
    connection?.reader?.cancel();
  }

  // What this page has, so that it is sent only what differs (app/web/stream/known_cards.py).
  const LONGEST = 6 * 1024; // characters, about 330 cards
  function tellKnown() {
    const cards = [...document.querySelectorAll("#cards [data-sum]")];
    const short = (id) => id.slice(id.indexOf("-") + 1).slice(0, 8);
    const known = cards.map((card) => `${short(card.id)}:${card.dataset.sum}`).join();
    if (known && known.length <= LONGEST) headers["Known-Cards"] = known;
    else delete headers["Known-Cards"];
  }
  let headers = {};
  document.addEventListener("htmx:config:request", (event) => {
    if (event.detail.ctx.sourceElement !== element()) return;
    headers = event.detail.ctx.request.headers;
    tellKnown();
  });
  document.addEventListener("htmx:sse:before:connection", tellKnown); // of every further attempt

  const lost = (event) => { if (event.target === element() && !document.hidden) tell("lost"); };
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
