// <answer-check>: an empty answer is never sent in silence. Says in its own line what is missing; the server says the
// same without this script. Buttons with formnovalidate (skip, cannot tell) pass.

import { word } from "./words.js";

const CHECKS = {
  compare(form) {
    if (!form.elements.preference.value) return [word("choose"), form.elements.preference[0]];
  },
  label(form) {
    const answered = (question) => question.querySelector(":checked");
    const open = [...form.querySelectorAll("[data-mandatory]")].filter((question) => !answered(question));
    const titleOf = (question) => question.querySelector("legend").firstChild.textContent.trim();
    if (open.length) return [word("answer_these", { what: open.map(titleOf).join(" · ") }), open[0].querySelector("input")];
    const first = form.querySelector(".q input");
    if (![...form.querySelectorAll(".q")].some(answered)) return [word("answer_one"), first];
  },
  write(form) {
    for (const area of form.querySelectorAll("textarea[data-most]")) {
      if (!area.value.trim()) return [word("write_first"), area];
      const over = [...area.value].length - Number(area.dataset.most);
      if (over > 0) return [word("too_long", { n: over }), area];
    }
  },
};

const checkWhy = ({ elements: { rationale } }) => {
  if (rationale?.required && !rationale.value.trim()) return [word("say_why"), rationale];
};

// Who says that a conversation is finished sends no text: one that is written would be lost.
const checkEnd = (form) => {
  const area = form.querySelector("textarea[data-most]");
  if (area.value.trim()) return [word("finished_or_written"), area];
};

class AnswerCheck extends HTMLElement {
  connectedCallback() {
    const form = this.closest("form");
    this.gone = new AbortController();
    const { signal } = this.gone;
    form.noValidate = true; // our sentence instead of the browser's bubble
    form.addEventListener("submit", (event) => this.onSubmit(event, form), { signal, capture: true });
    form.addEventListener("input", () => this.say(""), { signal });
  }

  disconnectedCallback() {
    this.gone.abort();
  }

  onSubmit(event, form) {
    const ends = event.submitter?.name === "ends_thread";
    if (event.submitter?.formNoValidate && !ends) return;
    const wrong = ends ? checkEnd(form) : (CHECKS[this.dataset.kind](form) ?? checkWhy(form));
    if (!wrong) return;
    const [sentence, field] = wrong;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.say(sentence);
    field.focus();
  }

  say(sentence) {
    const line = this.querySelector(".say");
    if (line.textContent === sentence) return;
    line.textContent = sentence;
    line.classList.toggle("is-wrong", Boolean(sentence));
  }
}

customElements.define("answer-check", AnswerCheck);
