/** What was raised when this agent last ran: a restart is no reason to raise it again. */
import { z } from "zod";

import { messageOf, readIfThere, writeAtomic } from "../files.ts";
import { keptObject } from "../kept-object.ts";
import type { Log } from "../log.ts";

const File = z.record(z.string(), keptObject({ raised: z.boolean(), since: z.number() }));
export type Levels = ReadonlyMap<string, { readonly raised: boolean; readonly since: number }>;

export class LevelFile {
  readonly #path: string;
  readonly #log: Log;
  #newest: Levels | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** One that cannot be read costs a repetition, no more. */
  async read(): Promise<Levels> {
    try {
      const held = await readIfThere(this.#path);
      return new Map(Object.entries(held ? File.parse(JSON.parse(held.toString())) : {}));
    } catch (thrown) {
      this.#log.warn({ path: this.#path, error: messageOf(thrown) }, "what was raised is not known any more");
      return new Map();
    }
  }

  /** Later levels overtake earlier ones that still wait for the disk. */
  write(levels: Levels): void {
    this.#newest = levels;
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    while (this.#newest) {
      const text = JSON.stringify(Object.fromEntries(this.#newest));
      this.#newest = undefined;
      await writeAtomic(this.#path, text, { durable: false }).catch(() => undefined);
    }
    this.#writing = undefined;
  }

  async settled(): Promise<void> {
    await this.#writing;
  }
}
