// One exchange with the server about a hold, and what its answer means.

const LONGEST_KEEPALIVE = 60_000; // bytes; browsers take 64 KiB that outlive their page

/**
 * Post fields to an address of ours. Answers {outcome, ...}:
 * saved (with the server's JSON), conflict (html, draft_version), signed_out, stale, refused (sentence), later (seconds), away.
 */
export const send = async (url, fields, token, { leaving = false } = {}) => {
  const body = new URLSearchParams(fields);
  const headers = { "X-CSRFToken": token, "HX-Request": "true", "HX-Current-URL": location.href, Accept: "application/json" };
  const keepalive = leaving && body.toString().length < LONGEST_KEEPALIVE;
  let answer;
  try {
    answer = await fetch(url, { method: "POST", body, headers, keepalive, redirect: "error" });
  } catch {
    return { outcome: "offline" };
  }
  return understand(answer, await read(answer));
};

const understand = (answer, said) => {
  if (answer.ok) return said.json ? { outcome: "saved", ...said.json } : { outcome: "away" };
  if (answer.status === 401) return { outcome: "signed_out" };
  if (answer.status === 403 && (!said.code || said.code === "csrf_failed")) return { outcome: "stale" };
  if (answer.status === 409 && said.code === "draft_conflict") return { outcome: "conflict", ...said.json };
  if (answer.status === 429 || answer.status >= 500) return { outcome: "away", seconds: Number(answer.headers.get("Retry-After")) || 0 };
  return { outcome: "refused", sentence: said.sentence };
};

// Our views answer in JSON; what refuses before them answers with the fragment of a note.
const read = async (answer) => {
  const text = await answer.text().catch(() => "");
  if (answer.headers.get("Content-Type")?.includes("json")) {
    try {
      const json = JSON.parse(text);
      return { json, code: json.code, sentence: json.message };
    } catch {
      return {};
    }
  }
  const note = new DOMParser().parseFromString(text, "text/html").getElementById("refusal");
  return { code: note?.dataset.code, sentence: note?.querySelector("p")?.textContent };
};
