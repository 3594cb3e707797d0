// Two conveniences; every page works without them.
"use strict";

// The inbox by keyboard: j k move, Enter opens, g r i act on the row, ? lists the keys.
const rows = [...document.querySelectorAll("#inbox a.row")];
if (rows.length) {
  let at = -1;
  const move = (by) => {
    at = Math.min(rows.length - 1, Math.max(0, at + by));
    rows[at].focus();
    rows[at].closest("tr").scrollIntoView({ block: "nearest" });
  };
  rows.forEach((row, i) => row.addEventListener("focus", () => { at = i; }));
  const acts = { g: "grant", r: "refuse", i: "paper" };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, select, textarea")) return;
    if (e.key === "j") move(1);
    else if (e.key === "k") move(-1);
    else if (e.key === "?") { const keys = document.getElementById("keys"); keys.open = !keys.open; if (keys.open) keys.scrollIntoView(); }
    else if (acts[e.key] && at >= 0 && rows[at].dataset[acts[e.key]]) location.href = rows[at].dataset[acts[e.key]];
    else return;
    e.preventDefault();
  });
}

// What moves is fetched anew: ticks while texts travel, the links to operators. Nothing is
// taken from under somebody who is in it; what was opened stays open.
async function follow(part) {
  if (document.hidden || part.contains(document.activeElement)) return later(part);
  const answer = await fetch(part.dataset.follow, { redirect: "error" });
  if (answer.status >= 500) return later(part); // a moment without its database: what is shown must not look live for ever
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
  if (!fresh) return;
  part.querySelectorAll("details[open][id]").forEach((d) => { const same = fresh.querySelector("#" + d.id); if (same) same.open = true; });
  part.replaceWith(fresh);
  later(fresh);
}
function later(part) {
  if (part.dataset.follow) setTimeout(() => follow(part).catch(() => later(part)), 1000 * (part.dataset.every || 2));
}
document.querySelectorAll("[data-follow]").forEach(later);

document.querySelectorAll("[data-print]").forEach((b) => b.addEventListener("click", () => print()));

// After an error, the summary is read first.
document.querySelector(".problems")?.scrollIntoView({ block: "nearest" });
