// One handset: what is on its screen and what each key does there. The network
// holds the dialogue and the inbox; this file holds only what is being typed.

import { MultiTap, caps, count, erase, insert, modes } from "./multitap.js";

const dialled = /[^0-9*#+]/g;
const indic = /[٠-٩۰-۹]/g; // both sets of Arabic-Indic digits end in their value

export class Handset {
  #env; #words; #ui = {}; #tap = new MultiTap();
  #sim = { unread: 0, received: 0, dialogue: null, inbox: [] };
  #where = "idle"; #letters = "123";
  #seen = ""; #hash = 0; #note = "";
  #last = ""; #to = ""; #draft = ""; #selected = 0; #reading = null;

  constructor(msisdn, tint, env) {
    this.#env = env;
    this.#words = env.word;
    this.element = document.getElementById("handset").content.firstElementChild.cloneNode(true);
    this.element.dataset.msisdn = msisdn;
    this.element.dataset.tint = tint;
    this.element.setAttribute("aria-label", env.word("handset", { n: env.label }));
    for (const name of ["mode", "unread", "view", "title", "lines", "entry", "soft-left", "more", "soft-right"]) {
      this.#ui[name] = this.element.querySelector("." + name);
    }
    this.#ui.lines.setAttribute("aria-label", env.word("screen"));
    this.#ui.entry.setAttribute("aria-label", env.word("entry"));
    this.#ui.mode.setAttribute("aria-label", env.word("key_mode"));
    this.#keys();
    this.#listen();
    this.tick();
  }

  #keys() {
    const pad = this.element.querySelector(".pad");
    for (const key of ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"]) {
      const b = document.createElement("button");
      b.type = "button";
      b.tabIndex = -1;
      b.dataset.key = key;
      b.setAttribute("aria-label", key);
      b.innerHTML = "<b></b><small></small><small lang=ar></small>";
      b.children[0].textContent = key;
      b.children[1].textContent = caps[key][0];
      b.children[2].textContent = caps[key][1];
      pad.append(b);
    }
    for (const b of this.element.querySelectorAll(".nav button")) {
      b.setAttribute("aria-label", this.#words("key_" + b.dataset.key));
    }
  }

  #listen() {
    for (const b of this.element.querySelectorAll("[data-key]")) {
      // The caret stays where it is while keys are clicked.
      b.addEventListener("pointerdown", (e) => {
        e.preventDefault();
        if (b.dataset.key === "#") this.#hash = setTimeout(() => { this.#hash = 0; this.#nextLetters(); }, 600);
      });
      b.addEventListener("click", () => {
        if (b.dataset.key === "#" && !this.#release()) return;
        this.press(b.dataset.key);
        this.focus();
      });
      b.addEventListener("pointerleave", () => this.#release());
    }
    this.#ui.mode.addEventListener("click", () => { this.#nextLetters(); this.focus(); });
    this.#ui.lines.addEventListener("click", (e) => {
      const i = [...this.#ui.lines.children].indexOf(e.target.closest(".item"));
      if (this.#where === "list" && i >= 0) { this.#selected = i; this.press("left"); }
    });
    this.#ui.lines.addEventListener("scroll", () => this.#arrows());
    this.#ui.entry.addEventListener("input", () => this.#typed());
    this.element.addEventListener("keydown", (e) => this.#keyboard(e));
  }

  // release ends a held # and says whether it was short.
  #release() {
    const short = this.#hash !== 0;
    clearTimeout(this.#hash);
    this.#hash = 0;
    return short;
  }

  #nextLetters() {
    if (!this.#spelling()) return;
    this.#letters = modes[(modes.indexOf(this.#letters) + 1) % modes.length];
    this.#tap.reset();
    this.#render();
  }

  // spelling says whether letters can be typed here at all.
  #spelling() {
    return this.#where === "write" || (this.#where === "ussd" && this.#sim.dialogue?.state === "open");
  }

  #typed() {
    const field = this.#ui.entry;
    const plain = field.value.replace(indic, (d) => String(d.charCodeAt(0) & 15));
    if (this.#where === "dial" || this.#where === "to") {
      const clean = plain.replace(dialled, "");
      if (clean !== field.value) field.value = clean;
    }
    if (this.#where === "write") this.#draft = field.value;
    this.#labels();
  }

  #keyboard(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || e.target.closest("button")) return;
    const typing = !this.#ui.entry.hidden;
    const named = { Enter: "green", Escape: "red", ArrowUp: "up", ArrowDown: "down", Backspace: "right" }[e.key];
    if (e.key === "Enter" && e.shiftKey) return;
    if (named) {
      if (typing && e.key === "Backspace" && this.#ui.entry.value !== "") return;
      if (this.#where === "write" && named !== "green" && named !== "red" && e.key !== "Backspace") return;
      e.preventDefault();
      this.press(named);
    } else if (/^[0-9*#+]$/.test(e.key) && this.#where === "idle") {
      e.preventDefault();
      this.#go("dial");
      insert(this.#ui.entry, e.key);
    }
  }

  // update takes the handset's state from the network.
  update(sim) {
    if (sim.received > this.#sim.received && this.#seen !== "") this.#ring();
    this.#sim = sim;
    const d = sim.dialogue;
    const now = d ? `${d.id} ${d.state} ${d.text}` : "none";
    if (now !== this.#seen) {
      if (d) {
        this.#ui.entry.value = "";
        this.#letters = "123";
        this.#go("ussd");
      } else if (this.#where === "ussd") {
        this.#go("idle");
      }
    }
    this.#seen = now;
    this.#render();
  }

  #ring() {
    this.element.classList.remove("ring");
    requestAnimationFrame(() => this.element.classList.add("ring"));
  }

  tick() {
    const now = new Date();
    this.element.querySelector("time").textContent = clock(now);
    if (this.#where === "idle") this.#render();
  }

  focus() {
    (this.#ui.entry.hidden ? this.#ui.lines : this.#ui.entry).focus({ preventScroll: true });
  }

  #go(where) {
    const held = this.element.contains(document.activeElement);
    this.#where = where;
    this.#tap.reset();
    const field = this.#ui.entry;
    field.value = { to: this.#to, write: this.#draft }[where] ?? "";
    field.setSelectionRange(field.value.length, field.value.length);
    if (where === "write") this.#letters = this.#draft === "" && this.#env.page.lang === "ar" ? "ع" : "abc";
    if (where !== "ussd") this.#ui.lines.scrollTop = 0;
    this.#render();
    if (held) this.focus();
  }

  #say(key) {
    this.#note = this.#words(key, { code: this.#env.page.ussdCode });
    this.#go("note");
  }

  // press is one key, whichever way it was pressed.
  press(key) {
    const field = this.#ui.entry;
    if (!"left right up down green red".includes(key)) {
      if (this.#where === "idle") this.#go("dial");
      if (field.hidden) return;
      if (key === "#" && this.#spelling() && this.#letters !== "123") this.#nextLetters();
      else this.#tap.type(field, key, this.#spelling() ? this.#letters : "123", performance.now());
      return;
    }
    this.#tap.reset();
    this["_" + this.#where](key);
  }

  _idle(key) {
    if (key === "green") {
      this.#go("dial");
      insert(this.#ui.entry, this.#last || this.#env.page.ussdCode);
    } else if (key === "right") {
      this.#compose(this.#env.page.shortCode);
    } else if (key !== "red") {
      this.#selected = this.#sim.inbox.length > 0 ? 1 : 0;
      this.#go("list");
    }
  }

  async _dial(key) {
    const code = this.#ui.entry.value;
    if (key === "red") return this.#go("idle");
    if (key === "right") return this.#rub("idle");
    if ((key !== "green" && key !== "left") || code === "") return;
    if (!/^[*#].*#$/.test(code)) return this.#say("no_calls");
    this.#last = code;
    this.#go("idle");
    const answer = await this.#send("dial", { text: code });
    // Other failures are shown by the dialogue itself.
    if (answer.error === "busy") this.#say("busy");
  }

  _ussd(key) {
    const d = this.#sim.dialogue;
    const text = this.#ui.entry.value;
    if (key === "up" || key === "down") return this.#scroll(key);
    if (d.state === "ended" || d.state === "failed") return this.#send("dismiss");
    if (key === "red") return this.#send("abort");
    if (key === "right") return d.state === "open" && text !== "" ? erase(this.#ui.entry) : this.#send("abort");
    if (d.state === "open" && text.trim() !== "") this.#send("answer", { text });
  }

  _list(key) {
    const items = this.#sim.inbox.length + 1;
    if (key === "up" || key === "down") {
      this.#selected = (this.#selected + (key === "up" ? items - 1 : 1)) % items;
      return this.#render();
    }
    if (key === "right" || key === "red") return this.#go("idle");
    if (this.#selected === 0) return this.#compose(this.#env.page.shortCode);
    this.#reading = this.#sim.inbox[this.#selected - 1].id;
    this.#send("read", { id: this.#reading });
    this.#go("read");
  }

  _read(key) {
    if (key === "up" || key === "down") return this.#scroll(key);
    if (key === "right") return this.#go("list");
    if (key === "red") return this.#go("idle");
    const from = this.#message()?.from ?? "";
    this.#compose(/^\+?\d+$/.test(from) ? from : this.#env.page.shortCode);
  }

  _to(key) {
    if (key === "red") return this.#go("idle");
    if (key === "right") return this.#rub("idle");
    if ((key === "green" || key === "left") && this.#ui.entry.value !== "") {
      this.#to = this.#ui.entry.value;
      this.#go("write");
    }
  }

  async _write(key) {
    if (key === "red") return this.#go("idle");
    if (key === "right") return this.#rub("to");
    if ((key !== "green" && key !== "left") || this.#draft.trim() === "") return;
    const text = this.#draft;
    this.#note = this.#words("sending");
    this.#go("note");
    const { error } = await this.#send("sms", { to: this.#to, text });
    if (!error) this.#draft = "";
    if (this.#where === "note") this.#say(error ? "not_sent" : "sent");
  }

  _note() { this.#go(this.#sim.dialogue ? "ussd" : "idle"); }

  #compose(to) {
    this.#to = to;
    this.#go("to");
  }

  #rub(otherwise) {
    if (this.#ui.entry.value === "") this.#go(otherwise);
    else erase(this.#ui.entry);
  }

  #scroll(key) {
    const { lines } = this.#ui;
    const line = parseFloat(getComputedStyle(lines).lineHeight);
    lines.scrollBy({ top: (key === "up" ? -3 : 3) * line });
  }

  async #send(action, body) {
    try {
      return await this.#env.post(action, body);
    } catch {
      this.#say("refused");
      return { error: "refused" };
    }
  }

  #message() { return this.#sim.inbox.find((m) => m.id === this.#reading); }

  #render() {
    const { lines, title, entry, unread, view } = this.#ui;
    const d = this.#sim.dialogue;
    const asks = { dial: true, to: true, write: true, ussd: d?.state === "open" }[this.#where] ?? false;
    this.element.dataset.where = this.#where;
    view.dataset.state = this.#where === "ussd" ? d?.state ?? "" : "";
    unread.hidden = this.#sim.unread === 0;
    unread.textContent = "✉" + this.#sim.unread;
    unread.setAttribute("aria-label", this.#words("new_messages", { n: this.#sim.unread }));

    const draw = { idle: this.#drawIdle, ussd: this.#drawUSSD, list: this.#drawList, read: this.#drawRead,
      to: this.#drawTo, write: this.#drawTo, note: this.#drawNote }[this.#where];
    const drawn = draw ? draw.call(this) : { lines: [] };
    title.hidden = !drawn.title;
    title.replaceChildren(...(drawn.title ?? []).map(run));
    const key = JSON.stringify([this.#where, drawn.lines.map((l) => l.outerHTML)]);
    if (lines.dataset.drawn !== key) {
      lines.dataset.drawn = key;
      lines.replaceChildren(...drawn.lines);
      if (this.#where === "ussd" || this.#where === "read") lines.scrollTop = 0;
      lines.querySelector(".selected")?.scrollIntoView({ block: "nearest" });
    }
    const hadFocus = this.element.contains(document.activeElement);
    entry.hidden = !asks;
    if (hadFocus) this.focus();
    this.#labels();
    this.#arrows();
  }

  // arrows say that there is more above or below than the screen shows.
  #arrows() {
    const { lines, more } = this.#ui;
    const below = lines.scrollHeight - lines.clientHeight - lines.scrollTop > 2;
    more.textContent = (lines.scrollTop > 2 ? "▲" : "") + (below ? "▼" : "");
  }

  // labels are the parts of the screen that follow each letter typed.
  #labels() {
    const w = this.#words;
    const state = this.#sim.dialogue?.state;
    const clear = this.#ui.entry.value !== "";
    const [left, right] = {
      idle: [w("messages"), w("write")],
      dial: [w("call"), w("clear")],
      ussd: { waiting: ["", w("cancel")], open: [w("send"), clear ? w("clear") : w("cancel")] }[state] ?? [w("ok"), ""],
      list: [w("open"), w("back")],
      read: [w("reply"), w("back")],
      to: [w("ok"), clear ? w("clear") : w("back")],
      write: [w("send"), clear ? w("clear") : w("back")],
      note: [w("ok"), ""],
    }[this.#where];
    this.#ui["soft-left"].textContent = left;
    this.#ui["soft-right"].textContent = right;
    this.#ui.mode.hidden = !this.#spelling();
    const c = count(this.#draft);
    this.#ui.mode.textContent = this.#letters + (this.#where === "write" ? ` ${c.units}/${c.parts}` : "");
  }

  #drawIdle() {
    const n = this.#sim.unread;
    const rows = [
      line(this.#words("network"), "network"), line("\u2066" + this.#env.label + "\u2069", "own"),
      line(clock(new Date()), "time"),
      n ? line(this.#words("new_messages", { n }), "news") : line(""),
      line(this.#words("dial_hint", { code: "\u2066" + this.#env.page.ussdCode + "\u2069" }), "faint"),
    ];
    return { lines: rows };
  }

  #drawUSSD() {
    const d = this.#sim.dialogue;
    if (!d) return { lines: [] };
    if (d.state === "waiting") return { lines: [line(""), line(""), line(this.#words("waiting"), "wait")] };
    const text = d.state === "failed" ? this.#words(d.reason, { code: "\u2066" + this.#env.page.ussdCode + "\u2069" }) : d.text;
    return { lines: text.split(/\r\n|\r|\n/).map((l) => line(l)) };
  }

  #drawList() {
    const rows = [item("✎ " + this.#words("new_message"), this.#selected === 0)];
    this.#sim.inbox.forEach((m, i) => {
      rows.push(item((m.read ? "" : "● ") + m.text.replace(/\s+/g, " ").slice(0, 60), this.#selected === i + 1));
    });
    if (this.#sim.inbox.length === 0) rows.push(line(""), line(this.#words("empty"), "faint"));
    return { title: [this.#words("messages")], lines: rows };
  }

  #drawRead() {
    const m = this.#message();
    if (!m) return { lines: [] };
    const at = new Date(m.at);
    const rows = m.text.split(/\r\n|\r|\n/).map((l) => line(l));
    rows.push(line(`${this.#words("part", { n: m.parts })} · \u2066${m.alphabet}\u2069`, "meta"));
    const day = `${pad(at.getDate())}/${pad(at.getMonth() + 1)}`;
    return { title: [m.from, `${day} ${clock(at)}`], lines: rows };
  }

  #drawTo() {
    return { title: this.#where === "write" ? [this.#words("to"), this.#to] : [this.#words("to")], lines: [] };
  }

  #drawNote() {
    return { lines: [line(""), line(this.#note)] };
  }
}

function line(text, kind = "") {
  const l = document.createElement("div");
  l.dir = "auto";
  l.className = kind;
  if (text === "") l.append(document.createElement("br"));
  else l.textContent = text;
  return l;
}

// run is a piece of a line that keeps its own direction.
function run(text) {
  const r = document.createElement("bdi");
  r.textContent = text;
  return r;
}

function item(text, selected) {
  const l = line(text, "item");
  l.classList.toggle("selected", selected);
  if (selected) l.setAttribute("aria-current", "true");
  return l;
}

const pad = (n) => String(n).padStart(2, "0");
const clock = (d) => `${pad(d.getHours())}:${pad(d.getMinutes())}`;
