// How long a piece of work is still kept for one: said only in the last minutes, and once it has ended.

import { clearNotice, notice } from "./notices.js";
import { word } from "./words.js";

const NEAR = 300; // seconds
const NEAR_OF_SHORT = 45; // seconds, for a hold given along with a submit: it lasts until somebody is seen to look at it
let timer;
let held = { id: null, longest: 0 };

document.addEventListener("draft:lease", ({ detail: { id, state, seconds } }) => {
  clearInterval(timer);
  const isGone = state && state !== "live";
  if (isGone && !document.querySelector("#work .note.notice")) return notice("lease", word("lease_gone"));
  clearNotice("lease"); // also where the page itself says that it has ended, and who has it now
  if (isGone) return;
  if (seconds === null) return;
  held = { id, longest: Math.max(seconds, held.id === id ? held.longest : 0) };
  const near = held.longest > 2 * NEAR ? NEAR : NEAR_OF_SHORT;
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
