/** Which owed restarts were told, and when: so that each is told once a day, over restarts too. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { z } from "zod";

import { readIfThere, writeAtomic } from "../files.ts";
import { keptObject } from "../kept-object.ts";

const Told = keptObject({
  unit: z.string(),
  domain: z.string(),
  since: z.number(),
  /** When it was told last. */
  at: z.number(),
});
export type Told = z.output<typeof Told>;
const File = z.record(z.string(), Told);

export class ToldFile {
  readonly #path: string;
  readonly #durable: boolean;

  constructor(path: string, { durable }: { readonly durable: boolean }) {
    this.#path = path;
    this.#durable = durable;
  }

  /** One that cannot be read is as none: what is owed is told once more, which is the lesser evil. */
  async read(): Promise<Map<string, Told>> {
    try {
      const bytes = await readIfThere(this.#path);
      return new Map(Object.entries(bytes ? File.parse(JSON.parse(bytes.toString())) : {}));
    } catch {
      return new Map();
    }
  }

  async write(told: ReadonlyMap<string, Told>): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    await writeAtomic(this.#path, JSON.stringify(Object.fromEntries(told)), { durable: this.#durable });
  }
}
