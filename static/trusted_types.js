// Lets htmx, and nothing else, turn the server's HTML into nodes under a Trusted Types policy.
htmx.registerExtension("tt", {
  init(api) {
    if (!window.trustedTypes) return;
    api.initSecurity(trustedTypes.createPolicy("htmx", { createHTML: (html) => html }));
  },
});
