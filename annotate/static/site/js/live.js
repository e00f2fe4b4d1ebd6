// Numbers that renew themselves, and never under the reader's hands: not while nobody looks, not over a selection; what
// was unfolded stays unfolded, what was scrolled stays scrolled; what changed is said once, where it waits its turn.

const LIVE = "[data-live]";
let kept = null;

const isLive = (element) => element instanceof Element && element.matches(LIVE);

function isRead(element) {
  const selection = getSelection();
  return selection && !selection.isCollapsed && selection.containsNode(element, true);
}

function keep(element) {
  const each = (selector) => [...element.querySelectorAll(selector)];
  return {
    news: element.dataset.news,
    needs: element.dataset.needs,
    unfolded: each("details[id][open]").map(({ id }) => id),
    scrolled: each(".scroll[id]").map(({ id, scrollLeft, scrollTop }) => ({ id, scrollLeft, scrollTop })),
  };
}

function restore({ unfolded, scrolled }) {
  for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
  for (const { id, scrollLeft, scrollTop } of scrolled) {
    const region = document.getElementById(id);
    if (region) Object.assign(region, { scrollLeft, scrollTop });
  }
}

function tell(before, after) {
  const needs = after.needs !== before.needs ? after.needs : "";
  const news = after.news !== before.news ? after.news : "";
  const said = [needs, news].filter(Boolean).join(" ");
  if (said) document.getElementById("news").textContent = said;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (isLive(event.detail.elt) && (document.hidden || isRead(event.detail.elt))) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!isLive(detail.elt)) return;
  if (detail.xhr.status >= 400) detail.shouldSwap = false; // the next look may do better; nothing was asked for
  else if (detail.target === detail.elt) kept = keep(detail.elt);
});

document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (elt.id !== "numbers" || !kept) return;
  restore(kept);
  tell(kept, elt.dataset);
  kept = null;
});

document.addEventListener("visibilitychange", () => {
  const element = document.querySelector(LIVE);
  if (element && !document.hidden) window.htmx.trigger(element, "look");
});
