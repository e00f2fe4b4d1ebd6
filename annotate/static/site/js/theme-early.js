// Before the first paint: the theme that this browser chose. A classic script in <head>, so that nothing flashes.

(() => {
  try {
    const theme = localStorage.getItem("chorus:theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    // No storage: the system's theme.
  }
})();
