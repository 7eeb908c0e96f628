// «Сохранить»: the text of the element that the button names becomes a file, without a request: what is secret is in no answer twice.
(() => {
  "use strict";
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-save]");
    const element = button && document.getElementById(button.dataset.save);
    if (!element) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${element.innerText.trim()}\n`], { type: "text/plain" }));
    link.download = button.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // a browser may ask first where to
  });
})();
