/** What is known of this node's drift, kept over restarts: nothing is told twice, nothing that was stopped goes on. */
import { mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";

import { DRIFT_MODES } from "@boma/protocol";
import { z } from "zod";

import { messageOf, readIfThere, writeAtomic } from "../files.ts";
import { keptObject } from "../kept-object.ts";

const Drifting = keptObject({
  /** Of the differences: others are told anew. */
  digest: z.string(),
  /** Of what the catalog says of it. */
  entry: z.string(),
  mode: z.enum(DRIFT_MODES),
  since: z.number(),
  who: z.array(z.string()),
});
export type Drifting = z.output<typeof Drifting>;

const Facts = keptObject({
  version: z.literal(1),
  /** When the whole catalog was last looked at, by the master's time. */
  lookedAt: z.number().nullable(),
  /** What was last told of a whole look. */
  told: keptObject({ outcome: z.string(), at: z.number() }).nullable(),
  drifting: z.record(z.string(), Drifting),
  failing: z.record(z.string(), z.string()),
  /** When each was put right, and whose doing it was. */
  reverts: z.record(z.string(), z.array(keptObject({ at: z.number(), who: z.array(z.string()) }))),
  /** Left alone by the loop breaker. */
  stopped: z.record(z.string(), keptObject({ reverts: z.int(), at: z.number(), entry: z.string() })),
  /** An enforcement that began: what of it is not done, the next one finishes. */
  enforcing: z.array(z.string()),
});
export type Facts = z.output<typeof Facts>;

export const noFacts = (): Facts => ({
  version: 1,
  lookedAt: null,
  told: null,
  drifting: {},
  failing: {},
  reverts: {},
  stopped: {},
  enforcing: [],
});

export class DriftBook {
  readonly #path: string;
  readonly #durable: boolean;
  readonly facts: Facts;
  /** Why what was kept could not be used. */
  readonly problem: string | undefined;

  private constructor(path: string, durable: boolean, { facts, problem }: Read) {
    this.#path = path;
    this.#durable = durable;
    this.facts = facts;
    this.problem = problem;
  }

  static async open(path: string, { durable }: { readonly durable: boolean }): Promise<DriftBook> {
    return new DriftBook(path, durable, await readFacts(path));
  }

  async save(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    await writeAtomic(this.#path, JSON.stringify(this.facts), { durable: this.#durable });
  }
}

interface Read {
  readonly facts: Facts;
  readonly problem?: string;
}

/** What cannot be read is put aside for whoever wants to know; drift is found anew, and told anew. */
async function readFacts(path: string): Promise<Read> {
  const bytes = await readIfThere(path);
  if (!bytes) return { facts: noFacts() };
  try {
    return { facts: Facts.parse(JSON.parse(bytes.toString())) };
  } catch (thrown) {
    const aside = `${path}.damaged`;
    await rename(path, aside).catch(() => undefined);
    const why = thrown instanceof z.ZodError ? "it is not of its form" : messageOf(thrown);
    return { facts: noFacts(), problem: `${path} cannot be read (${why}); it was moved to ${aside}` };
  }
}
