/**
 * What every state promises, tried on a machine of memory: check changes nothing;
 * apply makes it so; a second apply finds nothing to do; and from wherever an
 * apply was killed, the next one gets there.
 */
import { BomaError } from "@boma/protocol";

import { type Changes, inSync } from "../changes.ts";
import { checkParams } from "../check-params.ts";
import { canTell, check, make } from "../engine/step.ts";
import type { Ports } from "../host/host.ts";
import type { AnySpec, Example } from "../state-spec.ts";
import { memoryHost, recorded } from "./memory-host.ts";

const STEPS_MAX = 200;

export interface Contract {
  /** Throws, with what was written, when check writes. */
  checkOnlyLooks(): Promise<void>;
  convergesAndStays(): Promise<void>;
  /** Kills apply before each of its steps in turn, and applies again. Says how many steps there are. */
  convergesFromAnyKill(): Promise<number>;
}

export function contractOf(spec: AnySpec, example: Example): Contract {
  const want = checkParams(spec, { ...example.params, [spec.key]: example.key });
  const step = (ports: Ports) => ({ spec, want, ports });
  const broken = (why: string): BomaError =>
    new BomaError("state/contract", `${spec.name}, ${example.title}: ${why}`);
  const stays = async (ports: Ports, log: string[]): Promise<void> => {
    if (!canTell(spec, want)) return;
    const done = log.length;
    const left = await check(step(ports));
    if (!inSync(left)) throw broken(`after apply these differ: ${named(left)}`);
    if (log.length > done) throw broken(`check wrote: ${log.slice(done).join("; ")}`);
  };
  return {
    async checkOnlyLooks() {
      const { ports, log } = memoryHost(example.given);
      await check(step(ports));
      if (log.length > 0) throw broken(`check wrote: ${log.join("; ")}`);
    },
    async convergesAndStays() {
      const { ports, log } = memoryHost(example.given);
      const changes = await check(step(ports));
      if (!inSync(changes)) await make(step(ports), changes);
      else if (log.length > 0) throw broken("it wrote though nothing differed");
      await stays(ports, log);
    },
    async convergesFromAnyKill() {
      for (let killAt = 0; killAt < STEPS_MAX; killAt++) {
        const { ports, log } = memoryHost(example.given);
        if (!(await killed(step, ports, killAt))) return killAt;
        const changes = await check(step(ports));
        if (!inSync(changes)) await make(step(ports), changes);
        await stays(ports, log);
      }
      throw broken(`apply takes more than ${STEPS_MAX} steps`);
    },
  };
}

class Killed extends Error {}

/** Applies up to the given step; `false` when it came to its end before. */
async function killed(
  step: (ports: Ports) => Parameters<typeof check>[0],
  ports: Ports,
  killAt: number,
): Promise<boolean> {
  let steps = 0;
  const deadly = recorded(ports, [], () => {
    if (steps++ === killAt) throw new Killed();
  });
  const changes = await check(step(deadly));
  if (inSync(changes)) return false;
  try {
    await make(step(deadly), changes);
    return false;
  } catch (thrown) {
    if (thrown instanceof Killed) return true;
    throw thrown;
  }
}

const named = (changes: Changes): string =>
  Object.entries(changes)
    .map(([name, change]) => `${name} (${JSON.stringify(change?.from)} → ${JSON.stringify(change?.to)})`)
    .join(", ");
