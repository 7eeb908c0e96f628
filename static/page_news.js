// Asks from time to time whether the page would look otherwise now (its `data-news`). What has nothing to lose is loaded
// again; elsewhere the strip offers it. Without this script there is the link «Обновить».
(() => {
  "use strict";
  const element = document.querySelector("[data-news]");
  if (!element) return;
  const { news, every } = element.dataset;

  async function look() {
    if (document.hidden) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return;
    const now = /data-news="([^"]*)"/.exec(await answer.text())?.[1]; // none where nothing is waited for any more
    if (now === news) return;
    if (element.hidden) element.hidden = false;
    else location.reload();
  }
  setInterval(look, Number(every) * 1000);
  document.addEventListener("visibilitychange", look);
})();
