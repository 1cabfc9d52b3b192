// The record while it is open: new entries of the timeline come up on top, and what stands by the
// envelope follows. The server says when something is new (server-sent events); where that cannot
// be had, the page asks every few seconds. Without this script, reloading shows the same.
const live = document.getElementById("live");
const state = document.getElementById("live-state");
const news = document.getElementById("news");
const PATIENCE = 5000;
let source, timer, waiting, busy = false, again = false, over = false;

// A double click is one click: the second would only be asked whether it is meant.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
// A page that comes back out of the browser's memory may be clicked anew, and is out of date.
addEventListener("pageshow", (event) => {
  for (const form of document.querySelectorAll("form[data-once]")) delete form.dataset.sent;
  if (event.persisted) refresh();
});

function say(text) {
  if (state.textContent !== text) state.textContent = text;
}

// Takes over what differs; what is there stays, so that nobody loses the focus or the place.
function take(page) {
  const standing = page.getElementById("standing");
  for (const part of standing.children) {
    const here = part.id && document.getElementById(part.id);
    if (here && here.textContent !== part.textContent) here.textContent = part.textContent;
  }
  const entries = document.getElementById("entries");
  const list = entries.querySelector("ol");
  const fresh = page.getElementById("entries");
  if (!list) {
    const first = fresh.querySelectorAll("li");
    if (first.length === 0) return;
    entries.replaceChildren(...fresh.childNodes);
    announce([...first]);
    return;
  }
  const added = [...fresh.querySelectorAll("li")].filter((li) => !document.getElementById(li.id));
  // Each goes in front of the one that it stands in front of in the new page.
  for (const li of added.reverse()) {
    let next = li.nextElementSibling;
    while (next && !document.getElementById(next.id)) next = next.nextElementSibling;
    li.classList.add("new");
    list.insertBefore(document.importNode(li, true), next && document.getElementById(next.id));
  }
  announce(added);
}

// Read out once, politely: only what is new, the entry without the words beneath it.
function announce(entries) {
  const texts = entries.map((li) => li.querySelector(".what")?.textContent.trim());
  if (texts.length > 0) news.textContent = texts.join(". ");
}

async function refresh() {
  if (over) return;
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    const answer = await fetch(live.dataset.timeline, { headers: { accept: "text/html" } });
    if (answer.redirected || answer.status === 401 || answer.status === 404) {
      end();
    } else if (answer.ok) {
      take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } catch {
    say("The connection is interrupted. Trying again.");
  }
  busy = false;
  if (again) {
    again = false;
    refresh();
  }
}

// Logged out, here or by a colleague: nothing moves any more, and the page says so.
function end() {
  over = true;
  stop();
  say("You are not logged in any more. Reload this page to log in.");
}

function stop() {
  source?.close();
  source = undefined;
  clearTimeout(waiting);
  waiting = undefined;
  clearInterval(timer);
  timer = undefined;
}

function ask() {
  if (timer || over) return;
  say("Newest first, in UTC. Looks for news every few seconds.");
  timer = setInterval(refresh, PATIENCE);
}

function start() {
  if (over || source || timer) return;
  if (!window.EventSource) {
    ask();
    return;
  }
  source = new EventSource(live.dataset.live);
  hope();
  // What happened between the making of this page and now would be missed otherwise.
  source.addEventListener("ready", () => {
    clearTimeout(waiting);
    waiting = undefined;
    say("Newest first, in UTC. Moves by itself.");
    refresh();
  });
  source.addEventListener("entry", refresh);
  source.addEventListener("error", () => {
    if (source?.readyState === EventSource.CLOSED) fallBack();
    else hope();
  });
}

// A proxy in between may cut what does not end, or keep it to itself: whoever has heard nothing for
// a while asks.
function hope() {
  waiting ??= setTimeout(fallBack, PATIENCE);
}

function fallBack() {
  stop();
  refresh();
  ask();
}

// A page that nobody looks at takes none of the few connections that a browser has.
document.addEventListener("visibilitychange", () => {
  stop();
  if (!document.hidden) start();
});
if (!document.hidden) start();
