// <text-check>: while somebody writes, the server says what it sees: another language than the one named, a prompt that
// is nearly there already. It advises; whoever writes decides. Without this script a button asks for the same.

const PAUSE = 1500; // milliseconds without a change

class TextCheck extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
    this.gone = new AbortController();
    const { signal } = this.gone;
    for (const type of ["input", "draft:filled"]) this.form.addEventListener(type, (event) => this.touch(event), { signal });
    this.addEventListener("click", (event) => this.take(event), { signal });
    this.touch({ target: this.form.querySelector("textarea[data-most]") });
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.gone.abort();
  }

  touch({ target }) {
    if (target.name === "rationale") return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), PAUSE);
  }

  async check() {
    const areas = [...this.form.querySelectorAll("textarea[data-most]")];
    const asked = JSON.stringify([...areas.map((area) => area.value), this.form.elements.language.value]);
    if (asked === this.asked || !areas.some((area) => area.value.trim())) return;
    this.asked = asked;
    const headers = { "X-CSRFToken": this.form.elements.csrfmiddlewaretoken?.value ?? "", "HX-Request": "true", "HX-Target": "checked" };
    try {
      const body = new URLSearchParams([...new FormData(this.form)]);
      const answer = await fetch(this.dataset.url, { method: "POST", body, headers, signal: this.gone.signal });
      if (!answer.ok || this.asked !== asked) return;
      this.show(await answer.text());
    } catch {
      this.asked = undefined; // no connection: it is asked again after the next change
    }
  }

  // The region stays and what it says changes: that is what screen readers tell, and only when it is something else.
  show(html) {
    const made = document.createElement("template");
    made.innerHTML = html; // rendered by our server, which escapes what was written
    const [here, fresh] = [this.querySelector("#checked"), made.content.querySelector("#checked")];
    if (here.innerHTML !== fresh.innerHTML) here.replaceChildren(...fresh.childNodes);
  }

  // "It is in German": the language that the text is sent under.
  take({ target }) {
    const button = target.closest("[data-language]");
    if (!button) return;
    const { language } = this.form.elements;
    language.value = button.dataset.language;
    language.dispatchEvent(new Event("change", { bubbles: true }));
    language.dispatchEvent(new Event("input", { bubbles: true }));
    language.focus();
    this.check();
  }
}

customElements.define("text-check", TextCheck);
