// Tells the server in which zone this reader's times are.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
const cookie = `zone=${encodeURIComponent(timeZone)}`;
if (!document.cookie.split("; ").includes(cookie)) {
  document.cookie = `${cookie}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
}
