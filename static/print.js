// Shows the button «Напечатать», which opens the browser's print dialogue.
(() => {
  "use strict";
  const button = document.getElementById("print");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => print());
})();
