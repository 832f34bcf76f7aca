// What goes on is fetched again and put in place, every so many milliseconds, until it has ended.
const again = async (element) => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const newer = answer.ok && !answer.redirected ? page.getElementById(element.id) : null;
  if (newer !== null) element.replaceWith(newer);
  follow(newer ?? element);
};

const follow = (element) => {
  const pause = Number(element?.dataset.refresh);
  if (pause) setTimeout(() => again(element).catch(() => follow(element)), pause);
};

follow(document.querySelector("[data-refresh]"));
