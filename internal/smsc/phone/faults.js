// The page of faults. Its forms work without this; here a change takes effect
// at once, what has an order becomes a slider, and the state stays fresh.

const page = JSON.parse(document.getElementById("page").textContent);
const main = document.querySelector("main");
const form = document.getElementById("faults");
const failed = document.querySelector(".failed");
const sliders = new Map(); // name → what shows its value

document.documentElement.classList.add("live");

function slide(fault) {
  const select = fault.querySelector("select");
  const range = document.createElement("input");
  range.type = "range";
  range.min = 0;
  range.dir = document.documentElement.dir;
  range.setAttribute("aria-describedby", select.getAttribute("aria-describedby"));
  const shown = document.createElement("output");
  shown.dir = "ltr";
  const label = fault.querySelector("label");
  range.id = select.id;
  select.removeAttribute("id");
  shown.htmlFor = range.id;
  label.htmlFor = range.id;
  const show = () => {
    range.max = select.options.length - 1;
    range.value = select.selectedIndex;
    shown.value = select.selectedOptions[0].textContent;
    range.setAttribute("aria-valuetext", shown.value);
  };
  range.addEventListener("input", () => {
    select.selectedIndex = Number(range.value);
    show();
  });
  range.addEventListener("change", () => select.dispatchEvent(new Event("change", { bubbles: true })));
  select.hidden = true;
  select.before(range, shown);
  show();
  sliders.set(fault.dataset.name, { show, range });
}

for (const fault of form.querySelectorAll(".fault")) {
  if (["dose", "span", "rate", "count"].includes(fault.dataset.kind)) slide(fault);
}

// One request at a time: each carries the whole form, and an older one must not
// have the last word.
let last = Promise.resolve();
const patience = 10_000; // ms
let waiting = 0; // presses that the state shown may not know of

function inTurn(f) {
  last = last.then(f).catch(lost);
  return last;
}

async function send(target, body) {
  let state;
  try {
    const answer = await fetch(target, { method: "POST", body, headers: { Accept: "application/json" }, signal: AbortSignal.timeout(patience) });
    state = await answer.json();
  } finally {
    waiting--;
  }
  failed.hidden = !state.error;
  failed.querySelector("bdi").textContent = state.error ?? "";
  draw(state);
}

function submit(f, extra = {}) {
  const body = new URLSearchParams(new FormData(f));
  for (const [k, v] of Object.entries(extra)) body.set(k, v);
  waiting++;
  return inTurn(() => send(f.getAttribute("action"), body));
}

for (const f of document.querySelectorAll('form[method="post"]')) {
  f.addEventListener("submit", (e) => {
    e.preventDefault();
    submit(f, e.submitter?.name ? { [e.submitter.name]: e.submitter.value } : {});
  });
}
form.addEventListener("change", () => submit(form));
document.getElementById("on").addEventListener("change", (e) => e.target.form.submit());

// draw shows the state; what somebody holds or has just pressed is left alone.
function draw(state) {
  document.getElementById("good").hidden = state.faults !== "";
  document.getElementById("bad").hidden = state.faults === "";
  document.querySelector("#bad code").textContent = state.faults;
  document.getElementById("none").hidden = state.binds.length > 0;
  document.getElementById("link").textContent = "";
  const rows = state.binds.map((b) => row(b.scope, b.mode, new Date(b.since).toLocaleTimeString(page.lang, { numberingSystem: "latn", hour12: false }), b.in_flight, ...counts(b)));
  document.getElementById("binds").replaceChildren(...rows);
  [...document.getElementById("total").querySelectorAll("td")].forEach((td, i) => { td.textContent = counts(state.total)[i]; });
  if (waiting > 0) return;
  for (const fault of form.querySelectorAll(".fault")) value(fault, state.values[fault.dataset.name] ?? "");
}

function counts(c) {
  return [c.submitted, c.accepted, c.refused, c.receipts, c.delivered];
}

function row(scope, ...cells) {
  const tr = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  const name = document.createElement("bdi");
  name.dir = "ltr";
  name.textContent = scope;
  head.append(name);
  tr.append(head, ...cells.map((c, i) => {
    const td = document.createElement("td");
    td.textContent = c;
    if (i > 1) td.className = "n";
    return td;
  }));
  return tr;
}

function value(fault, v) {
  const slider = sliders.get(fault.dataset.name);
  const control = fault.querySelector("select, input:not([type=range])");
  fault.classList.toggle("on", v !== "");
  if (document.activeElement === control || document.activeElement === slider?.range) return;
  if (control.type === "checkbox") {
    control.checked = v !== "";
  } else {
    if (control.options && ![...control.options].some((o) => o.value === v)) control.add(new Option(v, v));
    control.value = v;
  }
  slider?.show();
}

function lost() {
  document.getElementById("link").textContent = page.reconnecting;
}

async function look() {
  await inTurn(async () => draw(await (await fetch("faults/state?on=" + encodeURIComponent(main.dataset.scope), { signal: AbortSignal.timeout(patience) })).json()));
  setTimeout(look, document.hidden ? 5000 : 1000);
}
look();
