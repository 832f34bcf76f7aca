/** What a call may throw. */

type ResponseHeaders = { get(name: string): string | null };

/**
 * Any failure of a call. `idempotencyKey` is the key that the call was made with, undefined where a
 * call takes none. Make the call again with it, at any time: it has its effect once.
 */
export class PayvioxError extends Error {
  override name = "PayvioxError";
  idempotencyKey: string | undefined;
}

/**
 * No whole answer came, after all retries: the call may have had its effect or not. Repeat it with
 * `idempotencyKey` to find out, and to have it done. `cause` is what `fetch` threw.
 */
export class ConnectionFailed extends PayvioxError {
  override name = "ConnectionFailed";
}

/**
 * The server refused, or failed. `status` is HTTP's, `body` the whole JSON of the answer (undefined
 * where it was none), `requestId` what the dashboard's *Requests* finds it by.
 */
export class ApiError extends PayvioxError {
  override name = "ApiError";
  readonly requestId: string | undefined;

  constructor(
    message: string,
    readonly status: number,
    readonly body: unknown,
    headers: ResponseHeaders,
  ) {
    super(message);
    this.requestId = headers.get("request-id") ?? undefined;
  }
}

/** 400: what was asked cannot be done as it was asked, and nothing was done. */
export class BadRequest extends ApiError {
  override name = "BadRequest";
}

/** 400, with messages for each field at fault: `{email: ["The email field is required."]}`. */
export class InvalidFields extends BadRequest {
  override name = "InvalidFields";

  get fields(): Record<string, string[]> {
    return this.body as Record<string, string[]>;
  }
}

/** 400: the balance that the money comes from holds less. Nothing was moved. */
export class InsufficientBalance extends BadRequest {
  override name = "InsufficientBalance";
}

/** 401: the key or the hash is not, or no longer, good. */
export class Unauthorized extends ApiError {
  override name = "Unauthorized";
}

/** 403: payouts or withdrawals are switched off. */
export class Forbidden extends ApiError {
  override name = "Forbidden";
}

/** 404: there is no such thing, or it is somebody else's. */
export class NotFound extends ApiError {
  override name = "NotFound";
}

/** 409: the state that it is in does not allow this. */
export class Conflict extends ApiError {
  override name = "Conflict";
}

/** 422: the idempotency key was used before, with another body. Nothing was done. */
export class IdempotencyMismatch extends ApiError {
  override name = "IdempotencyMismatch";
}

/** 429, after all retries. `retryAfterMs` is what the server asked to wait, in milliseconds. */
export class TooManyRequests extends ApiError {
  override name = "TooManyRequests";
  retryAfterMs: number | undefined;
}

/**
 * 5xx, after all retries. `retryAfterMs` is what the server asked to wait, in milliseconds. A 500
 * did nothing, save perhaps a part of a batch; what a 503 means stands in `message`.
 */
export class ServerError extends ApiError {
  override name = "ServerError";
  retryAfterMs: number | undefined;
}

const BY_STATUS: Record<number, typeof ApiError> = {
  400: BadRequest,
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  422: IdempotencyMismatch,
  429: TooManyRequests,
};
const TOO_LITTLE = ["Insufficient balance", "Insufficient payout balance"];

/** The error that an answer is. */
export function errorOf(status: number, body: unknown, headers: ResponseHeaders): ApiError {
  const Kind = status >= 500 ? ServerError : (BY_STATUS[status] ?? ApiError);
  const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  if (typeof fields["error"] === "string") {
    const message = fields["error"];
    const tooLittle = status === 400 && TOO_LITTLE.includes(message);
    return new (tooLittle ? InsufficientBalance : Kind)(message, status, body, headers);
  }
  if (status === 400 && Object.keys(fields).length > 0) {
    const message = Object.values(fields).flat().join("; ");
    return new InvalidFields(message, status, body, headers);
  }
  return new Kind(`The server answered ${status}`, status, body, headers);
}
