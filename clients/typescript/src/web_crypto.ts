/** WebCrypto: a global everywhere but in Node 18, where node.ts sets what stands in for it. */

let fallback: Crypto | undefined;

export function setFallback(crypto: Crypto): void {
  fallback = crypto;
}

/** Throws where the run-time has none. */
export function webCrypto(): Crypto {
  const crypto = globalThis.crypto ?? fallback;
  if (crypto === undefined) throw new Error("this run-time has no WebCrypto");
  return crypto;
}
