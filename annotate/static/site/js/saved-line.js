// <saved-line>: "Saved 12 s ago". The draft's keeper announces itself with draft:state events; this only words it.

import { word } from "./words.js";

class SavedLine extends HTMLElement {
  connectedCallback() {
    this.gone = new AbortController();
    document.addEventListener("draft:state", ({ detail }) => this.show(detail), { signal: this.gone.signal });
    document.addEventListener("htmx:load", ({ target }) => this.arrive(target), { signal: this.gone.signal });
    this.timer = setInterval(() => this.dataset.state === "saved" && this.age(), 5000);
  }

  disconnectedCallback() {
    this.gone.abort();
    clearInterval(this.timer);
  }

  // What came in the place of the work may be no work at all.
  arrive(target) {
    if (target.id === "work" && !target.querySelector("draft-keeper")) this.show({ state: "", at: 0 });
  }

  /** `state`: "" nothing saved yet, "saving", "saved" (with `at`, in milliseconds), "kept" in this browser alone. */
  show({ state, at }) {
    this.dataset.state = state;
    this.at = at;
    if (state === "saved") return this.age();
    this.textContent = state ? word(state) : "";
  }

  age() {
    const s = Math.max(0, Math.round((Date.now() - this.at) / 1000));
    if (s < 3) this.textContent = word("saved_now");
    else if (s < 60) this.textContent = word("saved_seconds", { n: s });
    else if (s < 3600) this.textContent = word("saved_minutes", { n: Math.round(s / 60) });
    else this.textContent = word("saved_hours", { n: Math.round(s / 3600) });
  }
}

customElements.define("saved-line", SavedLine);
