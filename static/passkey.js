// Passkeys (WebAuthn): a form with data-passkey lets the browser sign, puts the result into its field `answer`, and is sent.
(() => {
  "use strict";
  if (!window.PublicKeyCredential) return; // the forms stay hidden

  const WORDS = {
    NotAllowedError: "Не подтверждено. Попробуйте ещё раз.",
    InvalidStateError: "Ключ на этом устройстве уже есть.",
    other: "Не получилось. Обновите страницу и попробуйте ещё раз.",
  };

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  const plain = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
  const text = (buffer) => plain(buffer).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const named = (each) => ({ ...each, id: bytes(each.id) });

  function read(options) {
    const ready = { ...options, challenge: bytes(options.challenge) };
    if (options.user) ready.user = named(options.user);
    for (const list of ["excludeCredentials", "allowCredentials"]) ready[list] = (options[list] ?? []).map(named);
    return ready;
  }

  function written(credential) {
    const { id, rawId, type, response } = credential;
    const parts = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (response[name]) parts[name] = text(response[name]);
    }
    return JSON.stringify({ id, rawId: text(rawId), type, response: parts });
  }

  async function optionsFor(form) {
    const asked = { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } };
    const answer = await fetch(form.dataset.options, asked);
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.text ?? told.error);
    return read(told);
  }

  async function sign(form) {
    const publicKey = await optionsFor(form);
    const credential = await navigator.credentials[form.dataset.passkey]({ publicKey });
    form.elements.answer.value = written(credential);
    if (form.elements.password) form.elements.password.disabled = true; // it has done its part
    form.submit();
  }

  function tell(form, words) {
    const place = form.querySelector("[role=alert]");
    place.textContent = words;
    place.hidden = !words;
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      form.setAttribute("aria-busy", "true");
      tell(form, "");
      try {
        await sign(form);
      } catch (error) {
        tell(form, error instanceof DOMException ? WORDS[error.name] ?? WORDS.other : error.message || WORDS.other);
      }
      form.removeAttribute("aria-busy");
    });
  }
})();
