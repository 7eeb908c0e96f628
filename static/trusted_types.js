// Gives htmx, and nothing else, a Trusted Types policy for the server's HTML.
htmx.registerExtension("tt", {
  init(api) {
    if (!window.trustedTypes) return;
    api.initSecurity(trustedTypes.createPolicy("htmx", { createHTML: (html) => html }));
  },
});
