// <card-strip>: on a phone the letter tabs and the swiped strip of cards stay together; on a desk a picked card comes
// into view. Without this script the tabs are links to the cards, and the strip still swipes and snaps.

class CardStrip extends HTMLElement {
  connectedCallback() {
    this.strip = this.querySelector(".cards");
    this.cards = [...this.strip.children];
    this.tabs = [...this.querySelectorAll(".letters a")];
    this.gone = new AbortController();
    const { signal } = this.gone;
    this.querySelector(".letters").addEventListener("click", (event) => this.onTab(event), { signal });
    this.strip.addEventListener("scroll", () => this.onScroll(), { signal });
    this.closest("ranking-widget").addEventListener("ranking:select", ({ detail }) => this.show(detail.key, detail.reveal), { signal });
    addEventListener("resize", () => this.mark(this.atFront()), { signal });
    this.mark(this.atFront());
  }

  disconnectedCallback() {
    this.gone.abort();
    clearTimeout(this.settled);
  }

  get isStrip() {
    return getComputedStyle(this.strip).display === "flex";
  }

  get isNarrow() {
    return this.isStrip && this.strip.clientWidth < this.cards[0].clientWidth + 2;
  }

  atFront() {
    const at = Math.round(Math.abs(this.strip.scrollLeft) / this.cards[0].offsetWidth);
    return this.cards[this.isStrip ? at : 0] ?? this.cards.at(-1);
  }

  // The strip is as tall as the card that is read, so that a short reply has no long empty page under it.
  mark(card) {
    for (const tab of this.tabs) {
      if (tab.dataset.tab === card.dataset.candidate) tab.setAttribute("aria-current", "true");
      else tab.removeAttribute("aria-current");
    }
    this.strip.style.height = this.isNarrow ? `${card.offsetHeight}px` : "";
    if (this.isStrip) this.strip.tabIndex = 0; // what scrolls is reached by keys too
    else this.strip.removeAttribute("tabindex");
  }

  // What was asked for stays the current one while it is in view, also where two cards are.
  inFront() {
    const [strip, card] = [this.strip, this.asked].map((el) => el?.getBoundingClientRect());
    return card && card.left > strip.left - 2 && card.right < strip.right + 2 ? this.asked : this.atFront();
  }

  show(key, reveal) {
    const card = this.cards.find((c) => c.dataset.candidate === key);
    if (this.isStrip) {
      this.asked = card;
      this.strip.scrollTo({ left: card.offsetLeft - this.cards[0].offsetLeft });
      return this.mark(card);
    }
    const { top, bottom } = card.getBoundingClientRect();
    if (reveal && (top > innerHeight - 120 || bottom < 200)) card.scrollIntoView({ block: "start" });
  }

  onTab(event) {
    const tab = event.target.closest("[data-tab]");
    if (!tab) return;
    event.preventDefault();
    this.show(tab.dataset.tab);
    const top = this.strip.getBoundingClientRect().top - 56;
    if (this.isStrip && top < 0) scrollBy({ top });
  }

  onScroll() {
    clearTimeout(this.settled);
    this.settled = setTimeout(() => this.isStrip && this.mark(this.inFront()), 60);
  }
}

customElements.define("card-strip", CardStrip);
