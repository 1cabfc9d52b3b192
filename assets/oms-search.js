// Searches customers as one types: asks for the list that the form would lead to, and puts it in the
// place of the one that is there. Enter opens the first hit; oms.js does so when the list is up to
// date, and this waits for it when it is not.

const form = document.querySelector("form.search");
const field = form.elements.q;
const results = document.querySelector("#results");
const found = document.querySelector("#found");
const PAUSE = 120; // milliseconds after the last key

let timer;
let asked = null; // the request under way: { typed, abort, done }

const typed = () => field.value.trim();
const isCurrent = () => results.dataset.answers === typed();

/** Where the form leads. */
function address() {
  const url = new URL(form.action);
  if (typed()) url.searchParams.set("q", typed());
  return url;
}

/** Puts the list of another page in the place of this one's. */
function show(page, url) {
  const list = page.querySelector("#results");
  // Anything else than a list is the way to log in again: the whole page is needed.
  if (!list) return location.assign(url);
  results.replaceChildren(...list.childNodes);
  results.dataset.answers = list.dataset.answers;
  const text = page.querySelector("#found").textContent;
  if (found.textContent !== text) found.textContent = text;
  document.title = page.title;
  history.replaceState(null, "", url);
}

/** Asks for what the field says, unless it is there or on its way; what was asked before is dropped. */
function search() {
  clearTimeout(timer);
  if (asked?.typed === typed()) return asked.done;
  asked?.abort.abort();
  asked = null;
  if (isCurrent()) return Promise.resolve(results.ariaBusy = null);
  const one = { typed: typed(), abort: new AbortController() };
  one.done = load(one);
  asked = one;
  return one.done;
}

async function load(one) {
  const url = address();
  results.ariaBusy = "true";
  try {
    const reply = await fetch(url, { signal: one.abort.signal, headers: { accept: "text/html" } });
    const text = await reply.text();
    if (asked !== one) return;
    show(new DOMParser().parseFromString(text, "text/html"), url);
  } catch {
    // Dropped for a later search; or the network is away, and Enter still sends the form.
  } finally {
    if (asked === one) {
      asked = null;
      results.ariaBusy = null;
    }
  }
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(search, PAUSE);
});

form.addEventListener("submit", async (event) => {
  // The button, an empty field and a list that is up to date are what the form is for.
  if (event.submitter?.matches(":focus") || !typed() || isCurrent()) return;
  event.preventDefault();
  await search();
  const first = results.querySelector("table.list tbody a");
  if (!isCurrent()) form.submit();
  else if (first) first.click();
});

// The browser brings the field back as it was left, and the list as it was served.
if (!isCurrent()) search();
