// After every change of the cards: puts each in its place by `data-order` (app/web/connections/board_order.py).
(() => {
  "use strict";
  const place = (element) => element.dataset.order;

  function arrange() {
    const list = document.getElementById("cards");
    if (!list || list.dataset.group) return; // static/card_filter.js arranges by tags
    const wanted = [...list.querySelectorAll(":scope > [data-order]")].sort((a, b) => (place(a) < place(b) ? -1 : 1));
    let at = list.firstElementChild;
    for (const element of wanted) {
      if (element === at) at = at.nextElementSibling;
      else move(list, element, at);
    }
  }

  // A browser without moveBefore takes the focus away from what is moved.
  function move(list, element, before) {
    if (list.moveBefore) {
      list.moveBefore(element, before);
      return;
    }
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    list.insertBefore(element, before);
    focused?.focus({ preventScroll: true });
  }

  ["htmx:sse:after:message", "htmx:finally:request"].forEach((name) => document.addEventListener(name, arrange));
})();
