// Keys that lead somewhere: an element names its own with data-key ("/", "?", "g o"); j and k go
// through a list's rows. Never while something is typed or a dialog is open, nor where switched off.
const busy = (element) =>
  element.closest("input, textarea, select, [contenteditable], dialog") !== null ||
  document.querySelector("#keys[data-off], dialog[open], dialog:popover-open") !== null;
const rows = () => [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("a"));
let before = "";

const step = (by) => {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by]?.querySelector("a").focus();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || busy(event.target)) return;
  const pressed = before + event.key;
  before = "";
  if (event.key === "g") before = "g ";
  else if (pressed === "j" || pressed === "k") step(pressed === "j" ? 1 : -1);
  const target = document.querySelector(`[data-key="${CSS.escape(pressed)}"]`);
  if (target === null) return;
  event.preventDefault();
  if (target.matches("input")) target.focus();
  else target.click();
});
