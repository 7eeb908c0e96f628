// Counts a time to wait down, in the words of the page; at its end the button may be pressed again. Without it the time stands.
(() => {
  "use strict";
  const element = document.querySelector("[data-wait]");
  if (!element) return;
  const end = performance.now() + Number(element.dataset.wait) * 1000;
  const button = document.querySelector("[data-after-wait]");
  button.disabled = true;

  const words = (left) => left < 60 ? `${left} с` : `${Math.floor(left / 60)} мин ${left % 60} с`;
  function tell() {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (left > 0) {
      element.textContent = `через ${words(left)}`;
      setTimeout(tell, 1000);
    } else {
      element.textContent = "сейчас";
      button.disabled = false;
    }
  }
  tell();
})();
