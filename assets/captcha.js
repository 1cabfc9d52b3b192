// The proof-of-work checkbox: fetches a challenge when it is ticked (or when its form is submitted
// unsolved), lets a worker solve it, and adds the answer to the form as the field "altcha".
// Markup: <div class="captcha" data-captcha="/path/of/the/challenge"> inside the form.
// After a refused submit without a page load, dispatch "captcha-reset" on the form: an answer is
// good for one use.

const MAX_AGE = 8 * 60_000; // ms; the server accepts an answer for ten minutes

function attach(captcha) {
  const form = captcha.closest("form");
  const [tick, bar, status] = [".captcha-box", "progress", ".captcha-status"].map((part) =>
    captcha.querySelector(part),
  );
  const answer = document.createElement("input");
  answer.type = "hidden";
  answer.name = "altcha";
  let run = null; // the AbortController of the solve under way
  let askedAt = -Infinity;
  let waiting = null; // the submit that waits for the solve: {button}

  const solved = () => answer.isConnected && Date.now() - askedAt < MAX_AGE;

  function show(text, working) {
    status.textContent = text ?? "";
    bar.hidden = !working;
    captcha.setAttribute("aria-busy", working);
  }

  function reset() {
    run?.abort();
    run = waiting = null;
    answer.remove();
    tick.checked = false;
    show("", false);
  }

  async function solve() {
    reset();
    const mine = (run = new AbortController());
    tick.checked = true;
    bar.removeAttribute("value");
    show(status.dataset.textWorking, true);
    try {
      const at = Date.now();
      const payload = await prove(address(captcha), mine.signal, (done) => (bar.value = done));
      if (run !== mine) return;
      answer.value = payload;
      askedAt = at;
      captcha.append(answer);
      run = null;
      show(status.dataset.textDone, false);
      const submit = waiting;
      waiting = null;
      if (submit && form.isConnected) form.requestSubmit(submit.button);
    } catch {
      if (run !== mine) return; // cancelled
      reset();
      show(status.dataset.textFailed, false);
    }
  }

  tick.addEventListener("change", () => (tick.checked ? solve() : reset()));
  // In the capturing phase, so that nobody else sees a submit before it can succeed.
  form.addEventListener(
    "submit",
    (event) => {
      if (solved()) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const button = event.submitter;
      if (!run) solve();
      waiting = { button };
    },
    true,
  );
  form.addEventListener("captcha-reset", reset);
  // Back from the next page: the answer in the form has been used.
  addEventListener("pageshow", (event) => event.persisted && reset());

  captcha.querySelector(".captcha-js").hidden = false;
  show("", false);
}

function address({ dataset }) {
  const url = new URL(dataset.captcha, location.href);
  if (dataset.captchaFor) url.searchParams.set("for", dataset.captchaFor);
  return url;
}

/** Fetches a challenge and solves it; `progress` is told the share tried so far, 0 to 1. */
async function prove(url, signal, progress) {
  const response = await fetch(url, { signal, headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`challenge: ${response.status}`);
  const challenge = await response.json();
  const most = challenge.parameters.data?.most;
  const worker = new Worker(new URL("captcha-worker.js", import.meta.url));
  try {
    const solution = await new Promise((resolve, reject) => {
      signal.addEventListener("abort", reject);
      worker.onerror = reject;
      worker.onmessage = ({ data }) => {
        if (data.solution) resolve(data.solution);
        else if (most) progress(data.tried / most);
      };
      worker.postMessage(challenge);
    });
    return btoa(JSON.stringify({ challenge, solution }));
  } finally {
    worker.terminate();
  }
}

/** Makes every captcha below `root` work; those that work already are left alone. */
export function enhance(root) {
  for (const captcha of root.querySelectorAll("[data-captcha]:not([data-captcha-ready])")) {
    captcha.dataset.captchaReady = "";
    attach(captcha);
  }
}

enhance(document);
