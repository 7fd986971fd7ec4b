/** Where the schedules of this node stand, in a small file: a restart neither repeats a run nor forgets one. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { z } from "zod";

import { readIfThere, writeAtomic } from "../files.ts";
import { keptObject } from "../kept-object.ts";

const Run = keptObject({
  due: z.number(),
  startedAt: z.number(),
  ms: z.number(),
  status: z.string(),
  comment: z.string(),
});

export const ScheduleRecord = keptObject({
  /** What its times were: with other ones an old place means nothing. */
  times: z.string(),
  dealtWith: z.number(),
  ranAt: z.number().optional(),
  boot: z.string().optional(),
  /** Begun, and not ended yet. */
  running: keptObject({ due: z.number(), startedAt: z.number() }).optional(),
  lastRun: Run.optional(),
  missed: z.int(),
  lastMissed: keptObject({ due: z.number(), count: z.int(), why: z.string() }).optional(),
});
export type ScheduleRecord = z.output<typeof ScheduleRecord>;

const File = z.record(z.string(), ScheduleRecord);

export class ScheduleFile {
  readonly #path: string;
  readonly #durable: boolean;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, { durable }: { readonly durable: boolean }) {
    this.#path = path;
    this.#durable = durable;
  }

  /** One that cannot be read is as none: then nothing that was missed is known, and nothing runs twice for it. */
  async read(damaged: (thrown: unknown) => void): Promise<Map<string, ScheduleRecord>> {
    try {
      const held = await readIfThere(this.#path);
      return new Map(Object.entries(held ? File.parse(JSON.parse(held.toString())) : {}));
    } catch (thrown) {
      damaged(thrown);
      return new Map();
    }
  }

  /** As it is at this moment; one writer at a time. */
  write(records: ReadonlyMap<string, ScheduleRecord>): Promise<void> {
    const text = JSON.stringify(Object.fromEntries(records));
    const mine = this.#writing.then(async () => {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      await writeAtomic(this.#path, text, { durable: this.#durable });
    });
    this.#writing = mine.catch(() => undefined);
    return mine;
  }

  /** Resolves when nothing is left to be written. */
  settled(): Promise<void> {
    return this.#writing;
  }
}
