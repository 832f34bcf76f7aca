// A strict program that requires the package.
import payviox = require("payviox-client");

const ada = new payviox.PayoutUser({ url: "https://payviox.test", payoutHash: "00" });

export async function balance(): Promise<number> {
  return (await ada.getOperations({ limit: 1 })).balance;
}
