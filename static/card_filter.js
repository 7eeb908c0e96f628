// A search in the address outlives the stream: cards that come without matching it are hidden.
(() => {
  "use strict";
  const list = () => document.getElementById("cards");

  function find() {
    const wanted = list()?.dataset.find;
    if (!wanted) return;
    for (const card of list().querySelectorAll(".card")) {
      const names = [...card.querySelectorAll("header > :is(h2, p)")].map((each) => each.textContent);
      card.hidden = !names.join(" ").toLowerCase().includes(wanted);
    }
  }

  addEventListener("DOMContentLoaded", find);
  ["htmx:sse:after:message", "htmx:finally:request"].forEach((name) => document.addEventListener(name, find));
})();
