// After every change of the cards: tells screen readers which connections changed their status.
// What changes together is one line, and there is a pause between two lines; a strike that is not confirmed is no news.
(() => {
  "use strict";
  const KEPT = 5; // lines in the log
  const GATHER = 2_000; // milliseconds from the first change to its line
  const PAUSE = 10_000; // milliseconds between two lines
  const NAMED = 3; // so many connections are named; of more, their services
  const UNCONFIRMED = ["degraded", "checking"];
  const plurals = new Intl.PluralRules("ru");
  const CONNECTIONS = { one: "подключение", few: "подключения", many: "подключений" };
  const part = (card, selector) => card.querySelector(selector)?.textContent.trim() ?? "";
  const outcome = () => document.querySelector("#round [data-over]")?.dataset.over ?? "";
  const known = new Map(); // the last status of each card that was said, or was there at first
  let ended = ""; // how the last check of everything ended
  let [timer, spoken] = [0, -PAUSE]; // of the next line; when the last one was said

  function say(text) {
    const line = document.createElement("p");
    line.textContent = text;
    const log = document.getElementById("log");
    log.append(line);
    while (log.children.length > KEPT) log.firstElementChild.remove();
  }

  // Takes cards that are new as they are.
  function changed() {
    const found = [...document.querySelectorAll("#cards [data-status]")].filter((card) => !UNCONFIRMED.includes(card.dataset.status));
    for (const card of found) if (!known.has(card.id)) known.set(card.id, card.dataset.status);
    return found.filter((card) => known.get(card.id) !== card.dataset.status);
  }

  function services(group) {
    const numbers = new Map();
    for (const { dataset } of group) numbers.set(dataset.service, (numbers.get(dataset.service) ?? 0) + 1);
    return [...numbers].map(([service, number]) => `${service} ${number}`).join(", ");
  }

  // «12 подключений не в сети: Эвотор 3, МойСклад 9»
  function sentence(group) {
    const text = part(group[0], ".status");
    if (group.length === 1) return `${part(group[0], "h2")}: ${text}`;
    const number = `${group.length} ${CONNECTIONS[plurals.select(group.length)]}`;
    const what = group[0].dataset.status === "blocked" ? "ждут вас" : text.toLowerCase();
    const names = group.length > NAMED ? services(group) : group.map((card) => part(card, "h2")).join(", ");
    return `${number} ${what}: ${names}`;
  }

  function speak() {
    timer = 0;
    const groups = Map.groupBy(changed(), (card) => card.dataset.status);
    const said = [...groups.values()].map(sentence);
    for (const card of changed()) known.set(card.id, card.dataset.status);
    if (outcome() && outcome() !== ended) said.push(outcome());
    ended = outcome();
    if (!said.length) return; // it changed back
    spoken = performance.now();
    say(said.join(". "));
  }

  function compare() {
    const news = changed().length > 0; // also while a line is on its way: it gets to know new cards
    if (!outcome()) ended = "";
    if (timer || (!news && outcome() === ended)) return;
    timer = setTimeout(speak, Math.max(GATHER, spoken + PAUSE - performance.now()));
  }

  addEventListener("DOMContentLoaded", () => { changed(); ended = outcome(); });
  ["htmx:sse:after:message", "htmx:finally:request"].forEach((name) => document.addEventListener(name, compare));
})();
