// <text-editor>: Write and Preview, and how long the text is. The server renders the preview, so that it is what readers get.

import { countSignals } from "./typing-signals.js";
import { word } from "./words.js";

class TextEditor extends HTMLElement {
  connectedCallback() {
    this.area = this.querySelector("textarea");
    this.preview = this.querySelector(".prose");
    this.tabs = [...this.querySelectorAll("[role=tab]")];
    this.count = this.querySelector("[data-count]");
    this.form = this.closest("form");
    this.language = this.form.elements.language;
    this.gone = new AbortController();
    const { signal } = this.gone;
    this.tabs.forEach((tab) => tab.addEventListener("click", () => this.pick(tab), { signal }));
    this.querySelector("[role=tablist]").addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.area.addEventListener("input", () => this.measure(), { signal });
    countSignals(this.form, this.area, signal);
    this.language?.addEventListener("change", () => (this.area.lang = this.language.value), { signal });
    this.form.addEventListener("draft:filled", () => this.measure(), { signal });
    this.measure();
  }

  disconnectedCallback() {
    this.gone.abort();
  }

  onKey(event) {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = this.tabs[1 - this.tabs.indexOf(document.activeElement)];
    this.pick(other);
    other.focus();
  }

  pick(tab) {
    for (const each of this.tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
      document.getElementById(each.getAttribute("aria-controls")).hidden = each !== tab;
    }
    if (tab === this.tabs[1]) this.render();
  }

  async render() {
    if (!this.area.value.trim()) return this.tell(word("preview_empty"));
    const body = new URLSearchParams({ text: this.area.value, language: this.language?.value ?? "" });
    const headers = { "X-CSRFToken": this.form.elements.csrfmiddlewaretoken?.value ?? "" };
    try {
      const answer = await fetch(this.dataset.previewUrl, { method: "POST", body, headers, signal: this.gone.signal });
      if (!answer.ok) return this.tell(word("preview_failed"));
      this.preview.innerHTML = await answer.text(); // rendered and sanitised by our server, as every text on these pages
      this.preview.lang = this.area.lang;
    } catch {
      if (!this.gone.signal.aborted) this.tell(word("preview_failed"));
    }
  }

  tell(sentence) {
    const p = document.createElement("p");
    p.className = "soft";
    p.textContent = sentence;
    this.preview.replaceChildren(p);
  }

  // Characters are counted as the server counts them: by code points.
  measure() {
    const left = Number(this.area.dataset.most) - [...this.area.value].length;
    const words = this.area.value.match(/\S+/g)?.length ?? 0;
    if (left < 0) this.count.textContent = word("over_chars", { n: -left });
    else this.count.textContent = left < 200 ? word("left_chars", { n: left }) : word("words", { n: words });
    this.count.classList.toggle("amber", left < 200);
  }
}

customElements.define("text-editor", TextEditor);
