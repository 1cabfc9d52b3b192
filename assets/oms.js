// The back office's keyboard: "/" goes to the search field, Enter there opens the first hit of what
// is on the screen. Everything else works without scripts.

const search = () => document.querySelector("main input[type=search]");

/** Whether a key belongs to what is being typed. */
const isTyping = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = search();
  if (!field) return;
  if (event.key === "/" && !isTyping(event.target)) {
    event.preventDefault();
    field.focus();
    field.select();
  } else if (event.key === "Enter" && event.target === field && !event.isComposing) {
    // Only when the list answers what the field says: else the form asks the server first.
    const list = document.querySelector("[data-answers]");
    const first = list?.querySelector("table.list tbody a, .hits a");
    if (first && field.value.trim() !== "" && list.dataset.answers.trim() === field.value.trim()) {
      event.preventDefault();
      first.click();
    }
  }
});

// A menu that was opened on a narrow screen closes with Escape, and gives the focus back.
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details.menu[open]");
  if (event.key !== "Escape" || !menu?.parentElement.contains(event.target)) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
