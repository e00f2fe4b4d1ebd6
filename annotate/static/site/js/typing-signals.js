// How a text came to be: characters typed and characters pasted, counted into two hidden fields. Reviewers may look at
// it; it blocks nobody, because many people write elsewhere first.

const PASTED = new Set(["insertFromPaste", "insertFromDrop", "insertFromYank"]);

const lengthOf = ({ data, dataTransfer, inputType }) => {
  if (inputType === "insertLineBreak" || inputType === "insertParagraph") return 1;
  return [...(data ?? dataTransfer?.getData("text/plain") ?? "")].length;
};

/** Counts what goes into the area until the signal ends it. */
export const countSignals = (form, area, signal) => {
  const { typed_chars: typed, pasted_chars: pasted } = form.elements;
  if (!typed) return;
  for (const field of [typed, pasted]) field.value ||= "0";
  area.addEventListener("beforeinput", (event) => {
    if (!event.inputType.startsWith("insert")) return;
    const field = PASTED.has(event.inputType) ? pasted : typed;
    field.value = String(Math.min(Number(field.value) + lengthOf(event), 9_999_999));
  }, { signal });
};
