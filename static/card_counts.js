// After every change of the cards: recounts the numbers in the head of the list.
(() => {
  "use strict";

  function count() {
    const now = [...document.querySelectorAll("#cards [data-status]:not([data-paused])")].map((card) => card.dataset.status);
    for (const item of document.querySelectorAll("[data-count]")) {
      const number = now.filter((status) => status === item.dataset.count).length;
      item.querySelector("b").textContent = number;
      item.hidden = number === 0;
    }
  }

  ["htmx:sse:after:message", "htmx:finally:request"].forEach((name) => document.addEventListener(name, count));
})();
