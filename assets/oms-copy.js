// Buttons that copy a text of the page: <button data-copy="id" hidden>. Without scripts the text can
// be selected, and there is no button.

for (const button of document.querySelectorAll("button[data-copy]")) {
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const text = source.textContent.trim();
    let copied = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Not allowed, or no secure context: select it, so that one key copies it.
      getSelection().selectAllChildren(source);
      copied = false;
    }
    // What a screen reader hears is the button's new name.
    button.textContent = copied ? "Copied" : "Selected: press Ctrl+C";
    setTimeout(() => { button.textContent = label; }, 3000);
  });
}
