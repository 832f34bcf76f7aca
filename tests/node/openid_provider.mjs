// An OpenID provider of the tests: the certified `oidc-provider`, with one client and its own pages to
// sign in. Whoever signs in as `ada@example.com` has that address; a name that begins with
// `unverified-` has the rest of it, which nobody verified.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [port, back] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: "payviox", client_secret: "a secret of the tests", redirect_uris: [back] }],
  claims: { openid: ["sub", "email", "email_verified"], email: [] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  findAccount: (context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: id.replace(/^unverified-/, ""),
      email_verified: !id.startsWith("unverified-"),
    }),
  }),
});
createServer(provider.callback()).listen(Number(port), "127.0.0.1", () => console.log("is listening"));
