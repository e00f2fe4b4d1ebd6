// Short messages that float over the page until they are dealt with; read out by the region they stand in.

import { word } from "./words.js";

/** Show words under a name, over what that name said before; `link`: {href, text} or nothing. */
export const notice = (name, words, link = null) => {
  const shown = find(name);
  if (shown?.firstElementChild.textContent === words) return;
  clearNotice(name);
  const said = document.createElement("p");
  said.textContent = words;
  const box = document.createElement("div");
  box.className = "notice";
  box.dataset.name = name;
  box.append(said);
  if (link) box.append(makeLink(link));
  box.append(makeClose(box));
  document.querySelector(".notices")?.append(box);
};

export const clearNotice = (name) => find(name)?.remove();

const find = (name) => document.querySelector(`.notices [data-name="${name}"]`);

const makeLink = ({ href, text }) => {
  const a = document.createElement("a");
  a.className = "btn";
  a.href = href;
  a.textContent = text;
  return a;
};

const makeClose = (box) => {
  const button = document.createElement("button");
  button.className = "btn bare";
  button.type = "button";
  button.textContent = word("hide");
  button.addEventListener("click", () => box.remove());
  return button;
};
