// Two devices wrote on the same work: both answers are shown, and the annotator says which one goes on.

/** Shows the server's fragment as a dialog. Resolves to "theirs", "yours", "both", or null when it was closed; with the text of the other side. */
export const askWhich = (html) =>
  new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.className = "pop conflict-pop";
    dialog.setAttribute("role", "alertdialog");
    dialog.setAttribute("aria-labelledby", "conflict-h");
    dialog.innerHTML = html; // rendered by our server, which escapes both texts
    const theirs = dialog.querySelector(".own")?.textContent ?? "";
    let choice = null;
    dialog.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-take]");
      if (!button) return;
      choice = button.dataset.take;
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve({ choice, theirs });
    });
    document.body.append(dialog);
    // Whoever is in the middle of typing or pressing keys chooses nothing by the next one.
    const heading = dialog.querySelector("h2");
    heading.tabIndex = -1;
    heading.autofocus = true;
    dialog.showModal();
  });

/** Whether both sides say the same, so that there is nothing to ask. */
export const areAlike = (html) => {
  const sides = [...new DOMParser().parseFromString(html, "text/html").querySelectorAll(".sides > div")];
  const [theirs, yours] = sides.map((side) => [...side.children].slice(1).map((part) => part.textContent).join("\n"));
  return sides.length === 2 && theirs === yours;
};
