"use strict";
const REFRESH_MS = 2000;
const tokenOf = (page) => page.querySelector("meta[name=csrf-token]").content;
let token = tokenOf(document);
let shown = "";

// The server renders; only what changed is replaced, so that focus and selection stay.
async function refresh() {
  if (document.hidden) return;
  const status = await (await fetch("/api/status")).text();
  if (status === shown) return;
  shown = status;
  const text = await (await fetch("/")).text();
  const page = new DOMParser().parseFromString(text, "text/html");
  const focused = document.activeElement?.dataset?.action !== undefined;
  document.title = page.title;
  token = tokenOf(page); // a node that was restarted has another
  document.getElementById("page").replaceWith(page.getElementById("page"));
  if (focused) document.querySelector("button[data-action]")?.focus();
}

function offline() {
  document.querySelector("h1").textContent = "The node is not running";
  shown = "";
}

document.addEventListener("click", async (event) => {
  const action = event.target.dataset?.action;
  if (action === undefined) return;
  await fetch(`/api/${action}`, { method: "POST", headers: { "X-CSRF-Token": token } });
  await refresh().catch(offline);
});
setInterval(() => refresh().catch(offline), REFRESH_MS);
