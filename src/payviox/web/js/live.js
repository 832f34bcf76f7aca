// Blocks marked with data-live follow what happens: told that something of theirs changed, the page
// is read again and what differs is changed in place. What somebody uses just now waits, and so does
// what could not be read: it is asked for again.
const page = document.querySelector("[data-stream]");
const blocks = () => [...document.querySelectorAll("[data-live]")];
const kinds = new Set(blocks().flatMap((block) => block.dataset.live.split(" ")));
const typed = (field) =>
  field.type !== "hidden" && (field.value !== field.defaultValue || field.checked !== field.defaultChecked);
const inUse = (block) =>
  block.querySelector("dialog[open], :popover-open") !== null ||
  (block.contains(document.activeElement) && Boolean(document.activeElement.form)) ||
  [...block.querySelectorAll("input, textarea")].some(typed);
let stream = null;
let timer = 0;
let asked = "";
let said = 0;

const soon = (wait = 0) => {
  timer ||= setTimeout(refresh, wait);
};

async function refresh() {
  timer = 0;
  if (document.hidden) return;
  const free = blocks().filter((block) => !inUse(block));
  if (free.length < blocks().length) soon(1000);
  if (free.length === 0) return;
  const before = free.map((block) => block.textContent);
  asked = location.pathname + location.search;
  await htmx.ajax("GET", asked, {
    source: page,
    swap: "none",
    selectOOB: free.map((block) => `#${block.id}:innerMorph`).join(),
    headers: { "Payviox-Live": "1" },
  });
  const changed = free.some((block, at) => !block.ariaLive && block.textContent !== before[at]);
  if (changed && Date.now() - said > 10_000) {
    said = Date.now();
    document.querySelector("#news").textContent = "";
    setTimeout(() => (document.querySelector("#news").textContent = page.dataset.news), 100);
  }
}

// Meanwhile the list may be another one: somebody typed in its filters.
page.addEventListener("htmx:before:swap", (event) => {
  const isOurs = event.detail.ctx.sourceElement === page;
  if (isOurs && asked !== location.pathname + location.search) event.preventDefault();
});

const again = () => soon(3000);
page.addEventListener("htmx:error", again);
page.addEventListener("htmx:response:error", again);

const close = () => {
  stream?.close();
  stream = null;
};

function follow() {
  if (document.hidden || stream !== null || kinds.size === 0) return;
  stream = new EventSource(`${page.dataset.stream}?kinds=${[...kinds].join()}`);
  stream.addEventListener("open", () => soon());
  stream.addEventListener("changed", (event) => soon(Math.random() * Number(event.data)));
  stream.addEventListener("ended", close);
  stream.addEventListener("error", () => {
    if (stream?.readyState !== EventSource.CLOSED) return;
    close();
    soon();
    setTimeout(follow, 15_000);
  });
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : follow()));
addEventListener("pagehide", close);
addEventListener("pageshow", follow);
