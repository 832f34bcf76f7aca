/** WebCrypto: a global everywhere but in Node 18. */

export async function webCrypto(): Promise<Crypto> {
  if (globalThis.crypto !== undefined) return globalThis.crypto;
  const node = "node:crypto"; // no bundler shall look for it
  return (await import(node)).webcrypto;
}
