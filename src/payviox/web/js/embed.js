// For a business's own page: <script src="https://…/embed.js" data-link="…"></script> shows the
// redemption page that the link opens, in its place and as high as it is.
{
  const script = document.currentScript;
  const { origin } = new URL(script.src);
  const secret = script.dataset.link.split("#")[1];
  const frame = document.createElement("iframe");
  frame.src = `${origin}/redeem/embedded/${secret.slice(0, 8)}#${secret}`;
  frame.title = script.dataset.title ?? "Payout";
  frame.allow = "clipboard-write";
  frame.style.cssText = "width: 100%; height: 30rem; border: 0";
  frame.addEventListener("load", () => frame.contentWindow.postMessage("height", origin));
  addEventListener("message", ({ source, origin: from, data }) => {
    if (source === frame.contentWindow && from === origin) frame.style.height = `${data.payviox}px`;
  });
  script.after(frame);
}
