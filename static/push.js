// Web push: asks for permission, subscribes this browser, and posts the subscription to the server.
(() => {
  "use strict";
  const button = document.getElementById("push");
  if (!button || !("serviceWorker" in navigator) || !("PushManager" in window)) return;
  button.hidden = false;

  const FAILED = "Не получилось. Разрешите уведомления в настройках браузера и попробуйте ещё раз.";
  const worker = button.dataset.worker;
  const policy = window.trustedTypes?.createPolicy("push", {
    createScriptURL: (url) => { if (url !== worker) throw new TypeError("not our worker"); return url; },
  });

  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

  function browser() {
    const agent = navigator.userAgent;
    const name = ["Firefox", "YaBrowser", "Edg", "Chrome", "Safari"].find((each) => agent.includes(each));
    return { YaBrowser: "Яндекс Браузер", Edg: "Edge" }[name] ?? name ?? "Браузер";
  }

  async function subscribe() {
    await navigator.serviceWorker.register(policy ? policy.createScriptURL(worker) : worker);
    const registration = await ready();
    const old = await registration.pushManager.getSubscription();
    if (old) await old.unsubscribe(); // it may belong to another key
    const subscription = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: bytes(button.dataset.key),
    });
    const answer = await fetch("/alerts/push", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ subscription: subscription.toJSON(), label: browser() }),
    });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
  }

  // The worker's scope is /static/, not this page, so `navigator.serviceWorker.ready` would wait for ever.
  async function ready() {
    const registration = await navigator.serviceWorker.getRegistration(worker);
    const installing = registration.installing ?? registration.waiting;
    if (installing) {
      await new Promise((resolve) => {
        installing.addEventListener("statechange", () => { if (installing.state === "activated") resolve(); });
      });
    }
    return registration;
  }

  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    try {
      await subscribe();
      location.reload();
    } catch {
      const notice = document.getElementById("notice");
      notice.textContent = FAILED;
      notice.hidden = false;
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
})();
