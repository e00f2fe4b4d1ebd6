// What a form holds as pairs of name and value, and back into the form.

const NOT_AN_ANSWER = new Set(["csrfmiddlewaretoken", "draft_version", "active_seconds", "kind", "shown", "typed_chars", "pasted_chars"]);

/** The answer alone: what the annotator chose or typed. */
export const readFields = (form) => [...new FormData(form)].filter(([name]) => !NOT_AN_ANSWER.has(name));

/** All that the server needs to store it. */
export const readForm = (form) => [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");

export const asText = (fields) => JSON.stringify(fields);

/** Puts an answer into the form: each value into its own control, what is not there is cleared; then `draft:filled`. */
export const fillFields = (form, fields) => {
  const left = new Map();
  for (const [name, value] of fields) left.set(name, [...(left.get(name) ?? []), value]);
  for (const control of form.elements) {
    if (!control.name || NOT_AN_ANSWER.has(control.name) || control.type === "submit") continue;
    const values = left.get(control.name) ?? [];
    if (control.type === "radio" || control.type === "checkbox") control.checked = values.includes(control.value);
    else if (values.length) setValue(control, values.shift());
  }
  form.dispatchEvent(new CustomEvent("draft:filled", { bubbles: true }));
};

const setValue = (control, value) => {
  const choices = control.options && [...control.options].map((option) => option.value);
  if (!choices || choices.includes(value)) control.value = value;
};
