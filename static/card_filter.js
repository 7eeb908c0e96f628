// Hides the cards that do not match the search in the URL: the stream sends all cards.
(() => {
  "use strict";
  const list = () => document.getElementById("cards");

  function find() {
    const wanted = list()?.dataset.find;
    if (!wanted) return;
    for (const card of list().querySelectorAll(".card")) {
      card.hidden = !card.dataset.words.includes(wanted);
    }
  }

  addEventListener("DOMContentLoaded", find);
  ["htmx:sse:after:message", "htmx:finally:request"].forEach((name) => document.addEventListener(name, find));
})();
