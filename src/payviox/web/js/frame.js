// The page inside a business's own: it says how high it is, to whoever asks and may show it. Where
// the browser keeps no cookie for a frame, the page goes on in a window of its own.
const origins = document.body.dataset.origins.split(" ");

addEventListener("message", ({ source, origin }) => {
  if (source !== parent || !origins.includes(origin)) return;
  const say = () => parent.postMessage({ payviox: document.body.scrollHeight }, origin);
  new ResizeObserver(say).observe(document.body);
});

document.querySelector("[data-enter]")?.addEventListener("submit", ({ target }) => {
  const cookie = "kept=yes; Path=/redeem; Secure; SameSite=None; Partitioned";
  document.cookie = cookie;
  if (!document.cookie.includes("kept=yes")) target.target = "_blank";
  document.cookie = `${cookie}; Max-Age=0`;
});
