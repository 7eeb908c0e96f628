// After every change of the cards: recounts the summary, and announces changes of status to screen readers.
(() => {
  "use strict";
  const KEPT = 5; // lines in the log
  const cards = () => [...document.querySelectorAll("#cards [data-status]")];
  const statuses = () => new Map(cards().map((card) => [card.id, card.dataset.status]));
  const outcome = () => document.querySelector("#round [data-over]")?.dataset.over ?? "";
  let before = new Map();
  let ended = ""; // how the last check of everything ended

  function count() {
    const now = cards().map((card) => card.dataset.status);
    for (const item of document.querySelectorAll("[data-count]")) {
      const number = now.filter((status) => status === item.dataset.count).length;
      item.querySelector("b").textContent = number;
      item.hidden = number === 0;
    }
  }

  function say(text) {
    const line = document.createElement("p");
    line.textContent = text;
    const log = document.getElementById("log");
    log.append(line);
    while (log.children.length > KEPT) log.firstElementChild.remove();
  }

  function told(card) {
    const part = (selector) => card.querySelector(selector).textContent.trim();
    return `${part("h2")}: ${part(".status")}`;
  }

  function compare() {
    const now = statuses();
    for (const [id, status] of now) {
      if (before.has(id) && before.get(id) !== status) say(told(document.getElementById(id)));
    }
    if (outcome() && !ended) say(outcome());
    ended = outcome();
    before = now;
    count();
  }

  addEventListener("DOMContentLoaded", () => { before = statuses(); ended = outcome(); });
  ["htmx:sse:after:message", "htmx:finally:request"].forEach((name) => document.addEventListener(name, compare));
})();
