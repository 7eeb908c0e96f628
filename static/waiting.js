// Shows how many connections wait for their owner: in the title, on the icon, at the tab, on the installed app's badge.
// The stream says it. A hidden page has no stream: it asks, unless another page of this browser told it (docs/decisions/0025).
(() => {
  "use strict";
  const PAUSE = 60_000; // milliseconds between two questions of a hidden page, and up to half of it more
  const PATIENCE = 10_000; // milliseconds for an answer
  const plurals = new Intl.PluralRules("ru");
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("waiting") : null;
  const badge = document.getElementById("waiting");
  const icon = document.getElementById("favicon");
  const title = () => document.title.replace(/^\(\d+\) /, ""); // a connection's is its name, which can change
  let waiting = Number(badge.dataset.waiting);
  let timer;

  function show(number) {
    waiting = number;
    document.title = number ? `(${number}) ${title()}` : title();
    const address = number ? icon.dataset.waiting : icon.dataset.calm;
    if (icon.getAttribute("href") !== address) icon.setAttribute("href", address);
    badge.hidden = !number;
    badge.firstElementChild.textContent = number;
    badge.lastElementChild.textContent = `, ${number} ${plurals.select(number) === "one" ? "ждёт" : "ждут"} вас`;
    navigator.setAppBadge?.(number).catch(() => {}); // not every system has one; 0 takes it away
  }

  function askLater() {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(ask, PAUSE * (1 + Math.random() / 2));
  }

  async function ask() {
    try {
      const options = { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE) };
      const answer = await fetch("/connections/waiting", options);
      if (answer.status === 401) return; // signed out: the page will say so when it is looked at
      if (answer.ok) tell((await answer.json()).waiting);
    } catch {
      // no network: the next question may have one
    }
    askLater();
  }

  function tell(number) {
    show(number);
    tabs?.postMessage(number);
  }

  tabs?.addEventListener("message", (event) => {
    if (!document.hidden) return; // it has a stream of its own
    show(event.data);
    askLater();
  });
  document.addEventListener("waiting", (event) => tell(Number(event.detail.data)));
  document.addEventListener("heartbeat", () => tabs?.postMessage(waiting)); // spares hidden pages their questions
  document.addEventListener("visibilitychange", askLater);
  show(waiting);
  askLater();
})();
