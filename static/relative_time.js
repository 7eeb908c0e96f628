// <rel-time datetime>: "12 секунд назад", or with `span` "18 мин". The text is in a shadow root, which a morph of htmx leaves alone.
(() => {
  "use strict";
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const ago = new Intl.RelativeTimeFormat("ru", { numeric: "auto" });
  const all = new Set();
  // Milliseconds by which the server's clock is ahead: from the page at first, then from every heartbeat.
  let offset = Number(document.documentElement.dataset.now) * 1000 - Date.now();

  const lasting = (count, unit) =>
    new Intl.NumberFormat("ru", { style: "unit", unit, unitDisplay: "short" }).format(count);

  function text(element) {
    const then = Date.parse(element.getAttribute("datetime"));
    if (Number.isNaN(then)) return "";
    const seconds = Math.max(0, Math.floor((Date.now() + offset - then) / 1000));
    const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS.at(-1);
    const count = Math.floor(seconds / size);
    return element.hasAttribute("span") ? lasting(count, unit) : ago.format(-count, unit);
  }

  customElements.define("rel-time", class extends HTMLElement {
    static observedAttributes = ["datetime", "span"];
    connectedCallback() {
      if (!this.shadowRoot) this.attachShadow({ mode: "open" });
      all.add(this);
      this.draw();
    }
    disconnectedCallback() { all.delete(this); }
    attributeChangedCallback() { this.draw(); }
    draw() {
      if (!this.shadowRoot) return;
      const fresh = text(this);
      if (this.shadowRoot.textContent !== fresh) this.shadowRoot.textContent = fresh;
    }
  });

  // Cards are marked as stale here, so that it works without the server and the stream.
  function markStale() {
    for (const card of document.querySelectorAll("[data-stale-at]")) {
      card.toggleAttribute("data-stale", Date.now() + offset > Date.parse(card.dataset.staleAt));
    }
  }

  function drawAll() {
    if (document.hidden) return;
    all.forEach((element) => element.draw());
    markStale();
  }

  document.addEventListener("heartbeat", (event) => {
    offset = Number(event.detail.data) * 1000 - Date.now();
    drawAll();
  });
  document.addEventListener("visibilitychange", drawAll);
  setInterval(drawAll, 1000);
})();
