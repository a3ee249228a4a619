"use strict";
// The server renders the page; every few seconds this takes over the parts that have changed.
const INTERVAL_MS = 5000;
const TIMEOUT_MS = 10000;
const status = document.getElementById("status");
const live = status.textContent;

function holdsSelection(part) {
  const selection = getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode);
}

function takeOver(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next && next.innerHTML !== part.innerHTML && !holdsSelection(part)) {
      part.replaceChildren(...document.importNode(next, true).childNodes);
    }
  }
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(answer.status);
    takeOver(new DOMParser().parseFromString(await answer.text(), "text/html"));
    say(live, true);
  } catch {
    say(status.dataset.offline, false);
  }
}

function say(text, reachable) {
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("offline", !reachable);
}

async function keepFresh() {
  await refresh();
  setTimeout(keepFresh, INTERVAL_MS);
}

setTimeout(keepFresh, INTERVAL_MS);
document.addEventListener("visibilitychange", refresh);
