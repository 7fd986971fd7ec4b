/** Which stages were stopped on purpose: what the agent puts right by itself must not start them again. A boot ends it. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { type Stage, STAGES } from "@boma/states/core";
import { z } from "zod";

import { readIfThere, writeAtomic } from "../files.ts";
import { keptObject } from "../kept-object.ts";

const Held = keptObject({ boot: z.string(), stages: z.array(z.string()) });

interface HoldsOptions {
  readonly bootId: string;
  readonly durable: boolean;
}

export class StageHolds {
  readonly #path: string;
  readonly #options: HoldsOptions;

  constructor(path: string, options: HoldsOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** What cannot be read holds nothing: then units come up, which is the safer of two wrongs. */
  async held(): Promise<ReadonlySet<Stage>> {
    const bytes = await readIfThere(this.#path);
    const read = Held.safeParse(bytes && parsed(bytes));
    if (!read.success || read.data.boot !== this.#options.bootId) return new Set();
    // A later version may know more of them.
    return new Set(STAGES.filter((stage) => read.data.stages.includes(stage)));
  }

  async hold(stage: Stage): Promise<void> {
    await this.#write(new Set([...(await this.held()), stage]));
  }

  async release(stages: readonly Stage[]): Promise<void> {
    const held = await this.held();
    if (stages.some((stage) => held.has(stage)))
      await this.#write(new Set([...held].filter((stage) => !stages.includes(stage))));
  }

  async #write(stages: ReadonlySet<Stage>): Promise<void> {
    const { bootId: boot, durable } = this.#options;
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    await writeAtomic(this.#path, JSON.stringify({ boot, stages: [...stages] }), { durable });
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
