// <draft-keeper> around the form of a piece of work: saves while one works, keeps a copy in this browser until the
// server has confirmed it, and says so when that is not possible. Nothing typed is ever lost, and nothing is overwritten.

import { countActiveSeconds } from "./active-seconds.js";
import { forgetCopy, forgetOldCopies, keepCopy, readCopy } from "./draft-copy.js";
import { areAlike, askWhich } from "./draft-conflict.js";
import { send } from "./draft-send.js";
import { asText, fillFields, readFields, readForm } from "./form-fields.js";
import { clearNotice, notice } from "./notices.js";
import { word } from "./words.js";

const PAUSE = 600; // milliseconds without a change before it is saved
const LONGEST_PAUSE = 5000; // milliseconds after which it is saved though changes go on
const RENEW_EVERY = 60_000; // milliseconds between signs of activity without a change
// What was given along with a submit is kept for a short while only, until somebody is seen to look at it.
const FIRST_SIGNS = ["pointerdown", "pointermove", "keydown", "scroll", "touchstart"];
const LONGEST_WAIT = 60; // seconds between tries

class DraftKeeper extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("#answer");
    this.version = this.form.elements.draft_version;
    this.confirmed = asText(readFields(this.form));
    this.isSending = false;
    this.isSubmitting = false;
    this.isStopped = false; // until the next change
    this.isSettling = false; // while two answers are shown
    this.isGivenUp = false; // for the answer of another device
    this.tries = 0;
    this.gone = new AbortController();
    this.listen(this.gone.signal);
    this.tell(this.dataset.saved ? "saved" : "", Date.now() - Number(this.dataset.saved ?? 0) * 1000);
    this.tellLease({ state: this.dataset.state, lease_seconds_left: this.dataset.left });
    forgetOldCopies();
    this.restore();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    clearInterval(this.renewal);
    this.gone.abort();
  }

  listen(signal) {
    for (const type of ["input", "change", "ranking:change"]) this.form.addEventListener(type, () => this.touch(), { signal });
    this.form.addEventListener("htmx:beforeRequest", () => this.submitting(), { signal });
    this.form.addEventListener("htmx:beforeOnLoad", ({ detail }) => this.submitted(detail.xhr), { signal });
    for (const type of ["htmx:sendError", "htmx:sendAbort", "htmx:timeout"]) {
      this.form.addEventListener(type, ({ detail }) => this.submitted(detail.xhr), { signal });
    }
    addEventListener("online", () => this.isDirty && this.save(), { signal });
    addEventListener("pagehide", () => this.leave(), { signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && this.leave(), { signal });
    this.sinceActive = countActiveSeconds(this.form, signal);
    this.renewal = setInterval(() => this.renew(), RENEW_EVERY);
    for (const sign of FIRST_SIGNS) addEventListener(sign, () => this.renew(), { signal, once: true, passive: true });
  }

  get isDirty() {
    return asText(readFields(this.form)) !== this.confirmed;
  }

  get token() {
    return this.form.elements.csrfmiddlewaretoken?.value ?? "";
  }

  /* a change */

  touch() {
    this.isStopped = false;
    if (!this.isDirty) return;
    this.copy();
    this.tell("saving");
    this.firstChange ??= Date.now();
    const wait = Math.min(PAUSE, Math.max(0, this.firstChange + LONGEST_PAUSE - Date.now()));
    if (!this.tries) this.saveIn(wait);
  }

  copy() {
    keepCopy(this.dataset.id, { fields: readFields(this.form), version: Number(this.version.value) });
  }

  saveIn(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), milliseconds);
  }

  async save({ leaving = false } = {}) {
    clearTimeout(this.timer);
    if (this.isSubmitting || this.isStopped || this.isSettling || this.isGivenUp || !this.isDirty) return;
    if (this.isSending) return this.saveIn(PAUSE);
    this.isSending = true;
    this.firstChange = undefined;
    const sent = asText(readFields(this.form));
    const answer = await send(this.dataset.draftUrl, readForm(this.form), this.token, { leaving });
    this.isSending = false;
    if (this.isConnected) this.heard(answer, sent);
  }

  heard(answer, sent) {
    if (this.isSubmitting) return;
    if (answer.outcome === "saved") return this.saved(answer, sent);
    if (answer.outcome === "conflict") return this.settle(answer);
    this.tell("kept");
    if (["away", "offline"].includes(answer.outcome)) return this.tryAgain(answer);
    this.isStopped = true;
    const here = { href: location.pathname + location.search, text: word("reload") };
    const signIn = { href: `${word("sign_in_url")}?next=${encodeURIComponent(here.href)}`, text: word("sign_in") };
    if (answer.outcome === "signed_out") notice("draft", word("signed_out"), signIn);
    else if (answer.outcome === "stale") notice("draft", word("stale"), here);
    else notice("draft", answer.sentence || word("refused"));
  }

  saved(answer, sent) {
    this.tries = 0;
    this.confirmed = sent;
    this.version.value = answer.draft_version;
    this.lastSign = Date.now();
    clearNotice("draft");
    this.tellLease(answer);
    if (this.isDirty) {
      this.copy();
      return this.saveIn(PAUSE);
    }
    forgetCopy(this.dataset.id);
    this.tell("saved", Date.now());
  }

  tryAgain({ outcome, seconds = 0 }) {
    notice("draft", word(outcome));
    this.tries += 1;
    this.saveIn(1000 * Math.max(seconds, Math.min(LONGEST_WAIT, 2 ** this.tries)));
  }

  /* another device saved first */

  async settle(answer) {
    this.tell("kept");
    this.isSettling = true;
    const { choice, theirs } = areAlike(answer.html) ? { choice: "yours" } : await askWhich(answer.html);
    this.isSettling = false;
    if (!choice) return;
    if (choice === "theirs") {
      forgetCopy(this.dataset.id);
      this.isGivenUp = true;
      return location.reload();
    }
    this.version.value = answer.draft_version;
    if (choice === "both") {
      this.form.elements.text.value = `${theirs}\n\n${this.form.elements.text.value}`;
      this.form.elements.text.dispatchEvent(new Event("input", { bubbles: true }));
    }
    this.save();
  }

  /* coming back */

  restore() {
    const copy = readCopy(this.dataset.id);
    const now = asText(readFields(this.form));
    if (copy?.fields && asText(copy.fields) !== now) {
      this.version.value = Math.min(copy.version, Number(this.version.value)); // older: the server shows both
      fillFields(this.form, copy.fields);
      notice("restored", word("restored"));
    } else if (copy) {
      forgetCopy(this.dataset.id);
    }
    if (this.hasAttribute("data-unsaved")) this.confirmed = ""; // refused: what the form shows is not the server's draft
    this.touch();
  }

  /* going away, or only looking elsewhere */

  leave() {
    if (this.isGivenUp || !this.isDirty) return;
    this.copy();
    this.save({ leaving: true });
  }

  /* the hold lasts while one works */

  async renew() {
    const isFresh = Date.now() - (this.lastSign ?? 0) < RENEW_EVERY / 2;
    if (this.isSubmitting || this.isDirty || isFresh || this.sinceActive() > RENEW_EVERY) return;
    this.lastSign = Date.now();
    const answer = await send(this.dataset.renewUrl, [], this.token);
    if (!this.isConnected) return;
    if (answer.outcome === "saved") this.tellLease(answer);
    else if (answer.outcome === "refused") notice("draft", answer.sentence || word("lease_gone"));
  }

  /* the submit itself is htmx's */

  submitting() {
    this.isSubmitting = true;
    clearTimeout(this.timer);
    if (this.isDirty) this.copy();
  }

  // Before htmx swaps: a refusal that brings the form anew brings what was sent in it.
  submitted({ status, responseText }) {
    this.isSubmitting = false;
    clearNotice("submit");
    if ((status >= 200 && status < 400) || (status && responseText.includes('id="answer"'))) {
      forgetCopy(this.dataset.id);
      this.confirmed = asText(readFields(this.form));
      return ["draft", "restored"].forEach(clearNotice);
    }
    this.copy();
    if (!status) notice("submit", word("not_sent"));
    else if (status >= 500) notice("submit", word("failed"));
    this.touch();
  }

  /* telling */

  tell(state, at = 0) {
    document.dispatchEvent(new CustomEvent("draft:state", { detail: { state, at } }));
  }

  tellLease({ state, lease_seconds_left: left }) {
    const seconds = left === undefined || left === null ? null : Number(left);
    document.dispatchEvent(new CustomEvent("draft:lease", { detail: { id: this.dataset.id, state, seconds } }));
  }
}

customElements.define("draft-keeper", DraftKeeper);
