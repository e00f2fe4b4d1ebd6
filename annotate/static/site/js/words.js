// The sentences that scripts say. They come from the server in the page's language: a block of JSON with the id "words".

let known = null;

const read = () => JSON.parse(document.getElementById("words")?.textContent || "{}");

/** The sentence of that name, with {name}s filled in. */
export const word = (name, values = {}) => {
  known ??= read();
  return (known[name] ?? "").replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
};

const lists = () => new Intl.ListFormat(document.documentElement.lang || undefined);

/** "A, B and C", as the page's language says it. */
export const list = (parts) => lists().format(parts);
