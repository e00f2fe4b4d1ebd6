// How long a piece of work is still kept for one: said only in the last minutes, and once it has ended.

import { clearNotice, notice } from "./notices.js";
import { word } from "./words.js";

const NEAR = 300; // seconds
let timer;
let held = { id: null, longest: 0 };

document.addEventListener("draft:lease", ({ detail: { id, state, seconds } }) => {
  clearInterval(timer);
  if (state && state !== "live") return notice("lease", word("lease_gone"));
  clearNotice("lease");
  if (seconds === null) return;
  held = { id, longest: Math.max(seconds, held.id === id ? held.longest : 0) };
  const near = Math.min(NEAR, held.longest / 2); // a short hold, just given, is not near its end at once
  const end = Date.now() + seconds * 1000;
  timer = setInterval(() => say(end, near), 5000);
  say(end, near);
});

const say = (end, near) => {
  const left = Math.ceil((end - Date.now()) / 1000);
  if (left > near) return;
  if (left > 0) return notice("lease", word("lease_near", { n: Math.ceil(left / 60) }));
  clearInterval(timer);
  notice("lease", word("lease_ended"));
};

document.addEventListener("htmx:load", ({ target }) => {
  if (target.id !== "work" || target.querySelector("draft-keeper")) return;
  clearInterval(timer);
  clearNotice("lease");
});
