/** Lists longer than one answer: entries one after another, pages read as they are needed. */

type AnyPage = { has_more: boolean } & Record<string, unknown>;

/**
 * A list at the server. Go through it with `for await` for every entry; nothing is asked before.
 * Going through it again asks again.
 */
export class Listing<Entry, Page> implements AsyncIterable<Entry> {
  readonly #read: (after: string | undefined) => Promise<Page>;
  readonly #entries: string;

  constructor(read: (after: string | undefined) => Promise<Page>, entries: string) {
    this.#read = read;
    this.#entries = entries;
  }

  /** The first page alone, as the server answers it. */
  page(): Promise<Page> {
    return this.#read(undefined);
  }

  /** Every page, as the server answers it. */
  async *pages(): AsyncGenerator<Page, void, undefined> {
    let after: string | undefined;
    do {
      const page = await this.#read(after);
      yield page;
      const last = this.#of(page).at(-1) as { id: string } | undefined;
      after = (page as AnyPage).has_more ? last?.id : undefined;
    } while (after !== undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Entry, void, undefined> {
    for await (const page of this.pages()) yield* this.#of(page);
  }

  #of(page: Page): Entry[] {
    return (page as AnyPage)[this.#entries] as Entry[];
  }
}
