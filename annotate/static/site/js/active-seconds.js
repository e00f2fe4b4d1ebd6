// How long somebody really worked: seconds in which the page was seen and something was done within the last minute.

const IDLE_AFTER = 60_000; // milliseconds
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "scroll", "touchstart"];

/** Counts into the form's field `active_seconds` until the signal ends it. Returns how long ago the last sign was. */
export const countActiveSeconds = (form, signal) => {
  const field = form.elements.active_seconds;
  let last = Date.now();
  for (const sign of SIGNS) addEventListener(sign, () => (last = Date.now()), { signal, passive: true, capture: true });
  const timer = setInterval(() => {
    if (document.visibilityState !== "visible" || Date.now() - last > IDLE_AFTER) return;
    field.value = String(Number(field.value || 0) + 1);
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  return () => Date.now() - last;
};
