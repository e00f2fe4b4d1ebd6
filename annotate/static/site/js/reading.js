// Reading a tree: an address is copied where that can be done, and the message that the address names is in sight.

import { word } from "./words.js";

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-copy]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !navigator.clipboard) return;
  event.preventDefault();
  const menu = link.closest("details");
  try {
    await navigator.clipboard.writeText(link.href);
  } catch {
    location.assign(link.href); // it is the address of the page that opens, to be copied by hand
    return;
  }
  menu.open = false;
  menu.querySelector("summary").focus();
  document.getElementById("told").textContent = word("copied");
});

const show = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (!target) return;
  let folded = false;
  for (let at = target.closest("details.branch"); at; at = at.parentElement.closest("details.branch")) {
    folded ||= !at.open;
    at.open = true;
  }
  if (folded) target.scrollIntoView();
};

addEventListener("hashchange", show);
show();
