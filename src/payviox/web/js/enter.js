// What opens the page stays in the address's fragment until somebody presses the button. Who sent
// the money is asked by its first eight characters, which are the sender's, and its digest: both
// open nothing, and nobody makes the digest who has no link. Browsers make digests on pages that
// came by https or from this machine.
import { sayZone } from "./zone_cookie.js";

const form = document.querySelector("[data-enter]");
const secret = location.hash.slice(1);

async function sayWho() {
  const hashed = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
  const bytes = Array.from(new Uint8Array(hashed), (byte) => byte.toString(16).padStart(2, "0"));
  const body = new URLSearchParams({ code: secret.slice(0, 8), digest: bytes.join("") });
  const answer = await fetch(form.dataset.sender, { method: "POST", body });
  const { name, logo } = answer.ok ? await answer.json() : {};
  if (name) document.querySelector("h1").textContent = name;
  if (logo) showLogo(logo);
}

function showLogo(address) {
  const picture = Object.assign(new Image(), { src: address, alt: "", className: "logo" });
  document.querySelector("[data-logo]")?.replaceChildren(picture);
}

if (secret) {
  form.elements.link.value = secret;
  form.querySelector("[data-paste]").hidden = true;
  if (isSecureContext) sayWho();
}
form.addEventListener("submit", () => {
  sayZone();
  history.replaceState(null, "", location.pathname);
});
addEventListener("hashchange", () => location.reload());
