// The recovery popup, the hint for a mistyped domain, and the countdown on the answer.
// Everything here improves on a page that already works without it.

const dialog = document.querySelector("dialog#forgot");
const prompt = document.querySelector("#forgot-prompt");
const USERNAME = "doorkey-username"; // password.js gives it to the password manager on the reset page

// ---- Did you mean gmail.com? ----

const DOMAINS = ("gmail.com googlemail.com yahoo.com yahoo.co.uk ymail.com hotmail.com hotmail.co.uk outlook.com live.com "
  + "msn.com icloud.com me.com mac.com aol.com proton.me protonmail.com gmx.com gmx.de gmx.net web.de t-online.de "
  + "orange.fr free.fr comcast.net verizon.net btinternet.com fastmail.com zoho.com").split(" ");

/** Damerau-Levenshtein distance (optimal string alignment): one swapped pair counts as one mistake. */
function distance(a, b) {
  let older = [], old = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(old[j] + 1, row[j - 1] + 1, old[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], older[j - 2] + 1);
    }
    older = old;
    old = row;
  }
  return old[b.length];
}

/** The address with its domain put right, or null. Short domains get one mistake: "me.co" is near too many. */
function suggestion(address) {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1).trim().toLowerCase();
  if (at < 1 || domain.length < 4 || DOMAINS.includes(domain)) return null;
  let best = null, least = 3;
  for (const known of DOMAINS) {
    const d = distance(domain, known);
    if (d < least && d <= (known.length < 8 ? 1 : 2)) [best, least] = [known, d];
  }
  return best && address.slice(0, at + 1) + best;
}

function hint(input) {
  const place = input.closest(".field")?.querySelector(".typo-hint");
  if (!place) return;
  const better = suggestion(input.value);
  if (!better) return place.replaceChildren();
  const text = place.dataset.text.replace("{}", () => better);
  if (place.textContent === text) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", () => {
    input.value = better;
    place.replaceChildren();
    input.focus();
  });
  place.replaceChildren(button);
}

// The hint moves what is below it. So it waits until a press is over, or the press that takes the focus off the
// field would miss what it was aimed at.
let press = Promise.resolve();
document.addEventListener("pointerdown", () => {
  press = new Promise((over) => {
    for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(over), { once: true });
  });
}, true);
document.addEventListener("focusout", async ({ target }) => {
  if (target.name !== "email") return;
  await press;
  hint(target);
});
document.addEventListener("input", (event) => {
  if (event.target.name === "email" && event.target.closest(".field")?.querySelector(".typo-hint button")) hint(event.target);
});

// ---- The answer's countdown ----

function countdown(root) {
  const line = root.querySelector(".retry");
  if (!line) return;
  const again = root.querySelector(".again");
  const end = performance.now() + Number(line.dataset.seconds) * 1000;
  if (again) again.hidden = true;
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    line.textContent = left
      ? line.dataset.text.replace("{}", `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`)
      : line.dataset.textNow;
    if (left) return setTimeout(tick, 1000);
    if (again) again.hidden = false;
  };
  tick();
}

// ---- The popup ----

function open(event) {
  // A modified click asks for a new tab: let the link be a link.
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const typed = document.querySelector("#email").value.trim();
  const field = dialog.querySelector("#forgot-email");
  if (field && typed) field.value = typed;
  dialog.showModal();
  (field ?? dialog.querySelector("h1"))?.focus();
  if (field?.value) hint(field);
}

/** Takes the errors over from the form that came back; what was typed stays, and captcha.js keeps its form. */
function mark(form, refused) {
  form.querySelector(".field").replaceWith(refused.querySelector(".field"));
  form.querySelector(".captcha").append(...refused.querySelectorAll(".captcha > .error"));
  form.querySelector("[aria-invalid], .captcha-box").focus();
}

/** Puts the answer in the place of the form. */
function show(answer) {
  dialog.querySelector(".popup").replaceChildren(answer);
  dialog.setAttribute("aria-labelledby", "answer-heading");
  const again = answer.querySelector(".again");
  if (again) again.href = prompt.href;
  countdown(answer);
  answer.querySelector("h1").focus();
}

function complain(form, text) {
  const line = form.querySelector(".form-error");
  line.hidden = false;
  line.textContent = text;
}

async function send(form) {
  const button = form.querySelector("[type=submit]");
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  for (const old of form.querySelectorAll(".error")) old.remove();
  form.elements.email.ariaInvalid = null;
  try {
    const body = new URLSearchParams(new FormData(form));
    const reply = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const answer = page.querySelector("#answer");
    const refused = page.querySelector("form.forgot");
    form.querySelector(".form-error").hidden = true;
    if (answer) show(answer);
    else if (refused) mark(form, refused);
    else complain(form, page.querySelector("#message .lead")?.textContent.trim() || form.querySelector(".form-error").dataset.textOffline);
  } catch {
    complain(form, form.querySelector(".form-error").dataset.textOffline);
  } finally {
    button.ariaDisabled = null;
    // Sent or lost on the way, the captcha's answer may have been used.
    form.dispatchEvent(new Event("captcha-reset"));
  }
}

function remember(event) {
  if (event.defaultPrevented || !event.target.matches("form.forgot")) return;
  try {
    localStorage.setItem(USERNAME, event.target.elements.email.value.trim());
  } catch { /* storage may be off: the reset page then just has no hint for the password manager */ }
}

document.addEventListener("submit", remember);

if (dialog?.showModal && prompt) {
  prompt.setAttribute("aria-haspopup", "dialog");
  prompt.addEventListener("click", open);
  // On the dialog, not the form: captcha.js, on the form, comes first and may hold the submission back.
  dialog.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    remember(event);
    event.preventDefault();
    send(event.target);
  });
  dialog.addEventListener("click", (event) => {
    const box = dialog.getBoundingClientRect();
    const outside = event.target === dialog && (event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom);
    const back = event.target.closest("a.back");
    if (back) event.preventDefault();
    if (outside || back || event.target.closest(".close")) dialog.close();
  });
  dialog.addEventListener("close", () => prompt.focus());
}

countdown(document);
