// Password fields: show and hide, the strength meter, the repeat; and no form is sent twice.

const USERNAME = "doorkey-username";

// ---- Show and hide ----

for (const button of document.querySelectorAll(".reveal")) {
  const input = button.parentElement.querySelector("input");
  const show = (on) => {
    input.type = on ? "text" : "password";
    button.ariaPressed = String(on);
  };
  button.hidden = false;
  button.addEventListener("click", () => show(input.type === "password"));
  // Hidden again before sending, so that no browser keeps the text in its form history.
  input.form.addEventListener("submit", () => show(false));
}

// ---- Strength ----

for (const meter of document.querySelectorAll(".meter")) {
  const field = meter.closest(".field");
  const input = field.querySelector("input");
  const text = meter.querySelector(".meter-text");
  const reasons = field.querySelector(".reasons");
  let timer, asked = 0;

  const draw = (verdict) => {
    // What is refused never looks good, however hard to guess (it may be the store's name).
    meter.dataset.score = verdict.accepted ? Math.max(verdict.score, 2) : Math.min(verdict.score, 2);
    text.textContent = meter.getAttribute("data-text-" + meter.dataset.score) ?? "";
    const list = document.createElement("ul");
    list.append(...verdict.reasons.map((reason) => Object.assign(document.createElement("li"), { textContent: reason })));
    reasons.replaceChildren(...(verdict.reasons.length ? [list] : []));
    input.ariaInvalid = null;
  };

  const ask = async () => {
    const turn = ++asked;
    if (!input.value) return draw({ score: NaN, reasons: [] }); // no bar lit
    try {
      const reply = await fetch(meter.dataset.check, { method: "POST", body: new URLSearchParams({ password: input.value }) });
      const verdict = reply.ok && await reply.json();
      // A slow reply to an earlier text must not overwrite a later one.
      if (!verdict || turn !== asked) return;
      draw(verdict);
    } catch { /* offline: the server says the same when the form is sent */ }
  };

  input.addEventListener("input", () => {
    meter.hidden = false; // before the first verdict, so that it lands in a live region that exists
    clearTimeout(timer);
    timer = setTimeout(ask, 250);
  });
}

// ---- Repeat ----

const repeat = document.querySelector("#password-repeat");
if (repeat) {
  const first = document.querySelector("#password");
  const line = document.querySelector("#password-mismatch");
  const compare = (event) => {
    // Silent while the repeat is still a beginning of the first; leaving the field ends the patience.
    const typing = event.type === "input" && first.value.startsWith(repeat.value);
    const differs = repeat.value !== "" && repeat.value !== first.value;
    line.textContent = differs && !typing ? line.dataset.text : "";
    repeat.ariaInvalid = line.textContent ? "true" : null;
  };
  for (const input of [first, repeat]) {
    input.addEventListener("input", compare);
    input.addEventListener("change", compare);
  }
  repeat.form.addEventListener("submit", (event) => {
    if (repeat.value === first.value) return;
    event.preventDefault();
    compare(event);
    repeat.focus();
  });
}

// ---- Whose password it is, for the password manager ----

try {
  // Kept for this tab only once read, and only while its first letter fits the masked address on the page.
  const stored = localStorage.getItem(USERNAME) ?? sessionStorage.getItem(USERNAME);
  const field = document.querySelector("[data-username]");
  if (field && stored) {
    if (stored[0].toLowerCase() === field.dataset.username[0]?.toLowerCase()) field.value = stored;
    sessionStorage.setItem(USERNAME, stored);
    localStorage.removeItem(USERNAME);
  }
} catch { /* storage may be off */ }

// ---- Once is enough ----

document.addEventListener("submit", (event) => {
  // Held back by the captcha or sent by the popup: not ours to count.
  if (event.defaultPrevented) return;
  const button = event.submitter ?? event.target.querySelector("[type=submit]");
  if (button?.ariaDisabled === "true") return event.preventDefault();
  if (button) button.ariaDisabled = "true";
});

// Back from the next page, the form must work again.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-disabled]")) button.ariaDisabled = null;
});
