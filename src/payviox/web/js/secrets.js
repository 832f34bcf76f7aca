// What opens something stands in no address: of a key that is pasted into a filter its last
// characters stay, of a hash or a token nothing. The server sees to the same (reporting/search.py).
const KEY = /\b[spr]k_(?:live|test)_[\w-]*/;
const SECRET = /whsec_|(?<!0x)\b[0-9a-f]{64}\b/i;
const without = (text) => KEY.exec(text)?.[0].slice(-4) ?? (SECRET.test(text) ? "" : text);

document.addEventListener(
  "input",
  ({ target }) => {
    if (target.form?.method !== "get") return;
    const kept = without(target.value);
    if (kept !== target.value) target.value = kept;
  },
  true,
);
