// Counts a time to wait down, in the page's words; then the button may be pressed again. Without this the time just stands there.
(() => {
  "use strict";
  const element = document.querySelector("[data-wait]");
  if (!element) return;
  const end = performance.now() + Number(element.dataset.wait) * 1000;
  const button = document.querySelector("[data-after-wait]");
  const words = (left) => left < 60 ? `${left} с` : `${Math.floor(left / 60)} мин ${left % 60} с`;

  function tell() {
    const left = Math.ceil((end - performance.now()) / 1000);
    button.disabled = left > 0;
    if (left > 0) setTimeout(tell, 1000);
    else element.closest("p").hidden = true;
    element.textContent = words(left);
  }
  tell();
})();
