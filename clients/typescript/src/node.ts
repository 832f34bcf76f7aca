/** The package as Node imports it. No other file names a module of Node: edge run-times have none. */

// @ts-expect-error  one name of Node's is not worth a dependency on its types
import { webcrypto } from "node:crypto";
import { setFallback } from "./web_crypto.js";

setFallback(webcrypto);

export * from "./index.js";
