// «Скопировать»: copies the text of the element that the button names, and says that it did.
(() => {
  "use strict";
  const SHOWN = 2_000; // milliseconds

  // Where there is no clipboard (a page without https), the selection is copied, or left for the reader to copy.
  async function copy(element) {
    try {
      await navigator.clipboard.writeText(element.innerText);
      return true;
    } catch {
      getSelection().selectAllChildren(element);
      return document.execCommand("copy");
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    const element = button && document.getElementById(button.dataset.copy);
    if (!element) return;
    const said = button.nextElementSibling;
    said.textContent = await copy(element) ? "Скопировано" : "Выделено: скопируйте сами";
    setTimeout(() => { said.textContent = ""; }, SHOWN);
  });
})();
