// Every page: keys on their controls, small menus, the theme, refusals that are seen, selects that act.

import "./keys.js";
import "./menu.js";
import "./theme.js";

document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (elt.id !== "refusal" || !elt.firstElementChild) return;
  elt.scrollIntoView({ block: "nearest" });
  elt.focus({ preventScroll: true });
});

// A failure's whole page never takes the place of what somebody is working on.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.status >= 500 && !detail.xhr.getResponseHeader("HX-Retarget")) detail.shouldSwap = false;
});

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-submit-on-change]")) target.form.requestSubmit();
});
