// A worker as edge run-times have it, where neither modules nor globals of Node are: it takes webhooks,
// and pays somebody what each is about.
import { InvalidFields, Payviox, webhooks } from "payviox-client";

export default {
  async fetch(request, { PAYVIOX_URL: url, PAYVIOX_KEY: secretKey, TOKEN: token }) {
    const event = await webhooks
      .verify(await request.text(), request.headers, token)
      .catch(({ name }) => ({ name }));
    if (event.type === undefined) return new Response(event.name, { status: 401 });

    const payviox = new Payviox({ url, secretKey });
    const body = { email: "edge@example.com", amount: event.amount };
    const { hash } = await payviox.createPayout(body);
    const refused = await payviox.createPayout({ ...body, amount: 0 }).catch((error) => error);
    const emails = [];
    for await (const user of payviox.listUsers({ limit: 1 })) emails.push(user.email);
    return Response.json({ hash, emails, refused: refused instanceof InvalidFields });
  },
};
