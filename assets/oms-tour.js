// Guided tutorials, walked on the real screens: a ring around what to look at, and a popover with
// what to do. The steps are the server's; which one is shown is kept in this tab, and the server
// keeps it for the member of staff. Without scripts the tutorials' page lists the steps in words.

const KEPT = "doorkey-tour";
/** How many steps a click may take at once: who opens the record at once has skipped one. */
const REACH = 2;
const GAP = 12;
const EDGE = 8;

const kept = () => {
  try { return JSON.parse(sessionStorage.getItem(KEPT)); } catch { return null; }
};
const keep = (value) => sessionStorage.setItem(KEPT, JSON.stringify(value));
const forget = () => sessionStorage.removeItem(KEPT);

const matches = (page, path) => {
  const [wanted, asked] = [page.split("/"), path.split("/")];
  return wanted.length === asked.length && wanted.every((part, i) => part === "*" || part === asked[i]);
};
const isHere = (step) => matches(step.page, location.pathname);
const isFixed = (step) => !step.page.includes("*");
/** Whether a button can lead to a step: it is on this page, or its page has an address. */
const isInReach = (step) => step !== undefined && (isHere(step) || isFixed(step));

/** An element with a class, a text and children. */
const make = (name, { text, ...properties } = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};

class Tour {
  constructor(tour) {
    Object.assign(this, tour);
    this.onMove = () => {
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => this.place());
    };
    this.onKey = (event) => this.key(event);
    addEventListener("resize", this.onMove);
    addEventListener("scroll", this.onMove, { capture: true, passive: true });
    addEventListener("keydown", this.onKey);
    this.sizes = new ResizeObserver(this.onMove);
    this.sizes.observe(document.body);
  }

  /** Shows where the person is: at this step or one of the next, or on a page of no step. */
  resume(step) {
    const last = Math.min(step + REACH, this.steps.length - 1);
    for (let at = step; at <= last; at += 1) {
      if (isHere(this.steps[at])) return this.show(at, at !== step);
    }
    return this.wait(step);
  }

  show(at, isNew = true) {
    this.clear();
    this.at = at;
    if (isNew) this.save(at);
    const step = this.steps[at];
    this.target = this.find(step);
    const isLast = at === this.steps.length - 1;
    const back = isInReach(this.steps[at - 1])
      ? [make("button", { type: "button", text: "Back", onclick: () => this.go(at - 1) })] : [];
    const needsPerson = step.act !== "look" && this.target;
    const label = needsPerson ? "Take me to it" : isLast ? "Done" : "Next";
    const onward = () => (needsPerson ? this.target.focus() : this.go(at + 1));
    const buttons = [...back, make("button", { type: "button", className: "primary", text: label, onclick: onward })];
    if (step.act === "type" && needsPerson) {
      buttons.push(make("button", { type: "button", text: "Next", onclick: () => this.go(at + 1) }));
    }
    const missing = this.target ? [] : [make("p", { className: "muted", text: "It is not on the screen just now." })];
    this.open(`Step ${at + 1} of ${this.steps.length}`, step.title, [step.text], missing, buttons);
    if (this.target) this.point(step);
    this.place();
    this.box.focus({ preventScroll: true });
  }

  /** On a page of no step. */
  wait(step) {
    this.clear();
    let at = step;
    while (at > 0 && !isFixed(this.steps[at])) at -= 1;
    this.at = at;
    const text = "You have left the way of this tutorial. It goes on where you left it.";
    this.open(this.title, "The tutorial waits", [text], [], [
      make("button", { type: "button", className: "primary", text: "Take me back", onclick: () => this.go(at) }),
    ]);
    this.place();
  }

  open(small, title, texts, more, buttons) {
    const close = make("button", { type: "button", className: "quiet close", text: "×", onclick: () => this.close() });
    close.setAttribute("aria-label", "Close the tutorial");
    this.box = make("div", { className: "tour", tabIndex: -1 },
      make("p", { className: "step", text: small }),
      make("h2", { id: "tour-title", text: title }),
      ...texts.map((text) => make("p", { text })), ...more,
      make("div", { className: "actions" }, ...buttons), close);
    this.box.setAttribute("role", "dialog");
    this.box.setAttribute("aria-labelledby", "tour-title");
    document.body.append(this.box);
  }

  /** Puts the ring around the target, and goes on when the person does what the step asks for. */
  point(step) {
    this.ring = make("div", { className: "tour-ring" });
    document.body.append(this.ring);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.target.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    this.listening = new AbortController();
    const { signal } = this.listening;
    const next = this.at + 1;
    if (step.act === "click") {
      this.target.addEventListener("click", () => {
        this.save(next);
        // Where the click leads to no other page, the next step is on this one.
        setTimeout(() => this.at + 1 === next && isHere(this.steps[next]) && this.show(next), 1500);
      }, { signal });
    } else if (step.act === "type") {
      this.target.form?.addEventListener("submit", () => this.save(next), { signal });
    }
  }

  /** The first visible match. What hides in the closed menu of a narrow screen is brought out. */
  find(step) {
    const found = [...document.querySelectorAll(step.on)];
    const menu = found.length && document.querySelector("details.menu");
    if (menu && menu.parentElement.contains(found[0]) && !found[0].checkVisibility()) menu.open = true;
    return found.find((element) => element.checkVisibility());
  }

  /** Ring and popover follow their target. They are placed by script, as no page has inline styles. */
  place() {
    if (!this.box) return;
    if (this.target && !this.target.isConnected) this.target = this.find(this.steps[this.at]);
    const { clientWidth: width, clientHeight: height } = document.documentElement;
    const box = this.box.getBoundingClientRect();
    const spot = this.target?.getBoundingClientRect();
    let [left, top] = [width - box.width - 2 * EDGE, height - box.height - 2 * EDGE];
    if (spot) {
      Object.assign(this.ring.style, {
        left: `${spot.left - 4}px`, top: `${spot.top - 4}px`,
        width: `${spot.width + 8}px`, height: `${spot.height + 8}px`,
      });
      const isRoomBeside = spot.right + GAP + box.width <= width;
      if (isRoomBeside && this.target.closest(".side")) [left, top] = [spot.right + GAP, spot.top];
      else if (spot.bottom + GAP + box.height <= height) [left, top] = [spot.left, spot.bottom + GAP];
      else if (spot.top - GAP - box.height >= 0) [left, top] = [spot.left, spot.top - GAP - box.height];
      else if (isRoomBeside) [left, top] = [spot.right + GAP, spot.top];
    }
    const clamp = (value, most) => `${Math.max(EDGE, Math.min(value, most - EDGE))}px`;
    this.box.style.left = clamp(left, width - box.width);
    this.box.style.top = clamp(top, height - box.height);
  }

  key(event) {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) this.close();
    else if (!this.box?.contains(document.activeElement)) return;
    else if (event.key === "ArrowRight" && (this.steps[this.at]?.act === "look" || !this.target)) this.go(this.at + 1);
    else if (event.key === "ArrowLeft" && isInReach(this.steps[this.at - 1])) this.go(this.at - 1);
    else return;
    event.preventDefault();
  }

  /** To a step, wherever it is. */
  async go(at) {
    const step = this.steps[at];
    if (step && isHere(step)) return this.show(at);
    if (step && !isInReach(step)) return undefined;
    await this.save(at);
    if (!step) forget();
    location.assign(step ? step.page : "/oms/tutorials");
    return undefined;
  }

  save(at) {
    keep({ tutorial: this.tutorial, step: at });
    return this.post("/oms/tutorials/progress", { tutorial: this.tutorial, step: at });
  }

  close() {
    forget();
    this.post("/oms/tutorials/stop", {});
    const { target } = this;
    this.clear();
    this.sizes.disconnect();
    removeEventListener("resize", this.onMove);
    removeEventListener("scroll", this.onMove, { capture: true });
    removeEventListener("keydown", this.onKey);
    (target ?? document.querySelector("main")).focus({ preventScroll: true });
  }

  clear() {
    this.listening?.abort();
    this.ring?.remove();
    this.box?.remove();
    this.box = this.ring = this.target = undefined;
  }

  /** Outlives the page, which a click may be leaving. A failure costs nothing but the memory of it. */
  post(path, fields) {
    const body = new URLSearchParams({ form_secret: this.secret, ...fields });
    return fetch(path, { method: "POST", body, keepalive: true, redirect: "manual" }).catch(() => {});
  }
}

const begin = async () => {
  const memory = kept();
  if (!memory) return;
  const answer = await fetch("/oms/tutorials/current", { redirect: "manual" }).catch(() => null);
  const { tour } = answer?.ok ? await answer.json() : {};
  if (tour?.tutorial !== memory.tutorial) return forget();
  return new Tour(tour).resume(memory.step ?? tour.step);
};

for (const form of document.querySelectorAll("form[data-tour]")) {
  form.addEventListener("submit", () => keep({ tutorial: form.dataset.tour }));
}
begin();
