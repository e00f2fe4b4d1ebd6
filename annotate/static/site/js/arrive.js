// The next piece of work takes the place of the last one: the page starts at its top, and the focus is on its heading,
// or on what was wrong with the answer. The offer to undo keeps its key until something is changed here.

document.addEventListener("htmx:load", ({ target }) => {
  if (target.id !== "work") return;
  document.getElementById("refusal")?.replaceChildren();
  scrollTo({ top: 0, behavior: "instant" });
  (target.querySelector("[data-first]") ?? target.querySelector("h1"))?.focus({ preventScroll: true });
});

for (const type of ["ranking:change", "input"]) {
  document.addEventListener(type, () => document.querySelector("[data-stored] [data-key]")?.removeAttribute("data-key"));
}
