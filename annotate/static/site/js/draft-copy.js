// The copy of a draft that this browser keeps until the server has confirmed it: {fields, version, at}, by assignment.

const PREFIX = "chorus:draft:";
const OLDEST = 30 * 24 * 3600 * 1000; // milliseconds

export const keepCopy = (id, copy) => attempt(() => localStorage.setItem(PREFIX + id, JSON.stringify({ ...copy, at: Date.now() })));

export const readCopy = (id) => attempt(() => JSON.parse(localStorage.getItem(PREFIX + id)));

export const forgetCopy = (id) => attempt(() => localStorage.removeItem(PREFIX + id));

/** Copies that nobody came back for. */
export const forgetOldCopies = () =>
  attempt(() => {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(PREFIX)) continue;
      const copy = readCopy(key.slice(PREFIX.length));
      if (!copy || Date.now() - copy.at > OLDEST) localStorage.removeItem(key);
    }
  });

// Storage may be forbidden, full, or hold what we did not write: then there is no copy.
const attempt = (act) => {
  try {
    return act() ?? null;
  } catch {
    return null;
  }
};
