// The page: the row of SIMs, the handsets on show and the stream of what
// happens to them. What a handset does with its keys is in handset.js.

import { Handset } from "./handset.js";

const page = JSON.parse(document.getElementById("page").textContent);
const sims = document.getElementById("sims");
const phones = document.getElementById("phones");
const link = document.getElementById("link");
const narrow = matchMedia("(max-width: 43rem)");
const handsets = new Map(); // number → { handset, chip }

let shown = remembered();

function word(key, values = {}) {
  return (page.words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem("wasl.phones")) ?? [];
  } catch {
    return [];
  }
}

function most() {
  return narrow.matches ? 1 : 3;
}

export function local(msisdn) {
  const national = msisdn.startsWith("+212") ? "0" + msisdn.slice(4) : msisdn;
  return national.replace(/^(\d{4})(\d{3})(\d{3})$/, "$1 $2 $3");
}

async function post(path, body = {}) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function add(sim) {
  const label = local(sim.msisdn);
  const handset = new Handset(sim.msisdn, handsets.size % 4, {
    page, word, label,
    post: (action, body) => post(`sims/${sim.msisdn.slice(1)}/${action}`, body),
  });
  const chip = document.createElement("button");
  chip.type = "button";
  chip.dataset.tint = handsets.size % 4;
  chip.innerHTML = '<bdi dir="ltr"></bdi><b hidden></b>';
  chip.firstChild.textContent = label;
  chip.addEventListener("click", () => toggle(sim.msisdn));
  sims.append(chip);
  handsets.set(sim.msisdn, { handset, chip });
}

function update(sim) {
  if (!handsets.has(sim.msisdn)) add(sim);
  const { handset, chip } = handsets.get(sim.msisdn);
  handset.update(sim);
  const badge = chip.lastChild;
  badge.hidden = sim.unread === 0;
  badge.textContent = sim.unread;
  badge.setAttribute("aria-label", word("new_messages", { n: sim.unread }));
}

function toggle(msisdn, on = !shown.includes(msisdn)) {
  shown = shown.filter((n) => n !== msisdn);
  if (on) shown.push(msisdn);
  lay();
  if (on) handsets.get(msisdn).handset.focus();
}

// lay puts the phones on show in the order of their SIMs; the one chosen last
// stays when there is no room for all.
function lay() {
  shown = shown.filter((n) => handsets.has(n));
  if (shown.length === 0 && handsets.size > 0) {
    shown = [...handsets.keys()].slice(0, Math.min(most(), 2));
  }
  shown = shown.slice(-most());
  for (const [msisdn, { handset, chip }] of handsets) {
    const on = shown.includes(msisdn);
    chip.setAttribute("aria-pressed", on);
    if (!on) handset.element.remove();
  }
  const order = [...handsets.keys()].filter((n) => shown.includes(n));
  order.forEach((n, i) => {
    const { element } = handsets.get(n).handset;
    if (phones.children[i] !== element) phones.insertBefore(element, phones.children[i] ?? null);
  });
  try {
    localStorage.setItem("wasl.phones", JSON.stringify(shown));
  } catch {
    // A browser that keeps nothing shows the first phones again.
  }
}

document.getElementById("add").addEventListener("click", async () => {
  const { msisdn } = await post("sims");
  if (!handsets.has(msisdn)) add({ msisdn });
  toggle(msisdn, true);
});

narrow.addEventListener("change", lay);

const events = new EventSource("events");
events.onmessage = (e) => {
  const changed = JSON.parse(e.data);
  const fresh = changed.some((sim) => !handsets.has(sim.msisdn));
  changed.forEach(update);
  if (fresh) lay();
};
events.onopen = () => { link.textContent = ""; };
events.onerror = () => { link.textContent = word("reconnecting"); };

const clock = () => handsets.forEach(({ handset }) => handset.tick());
setInterval(clock, 10_000);
