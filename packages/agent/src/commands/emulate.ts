import { join } from "node:path";

import { BomaError } from "@boma/protocol";

import { startFleet } from "../emulate.ts";
import { type Knobs, readConditions } from "../emulate/conditions.ts";
import { agentDir } from "./home.ts";
import { type JoinOptions, readJoining } from "./joining.ts";

export interface EmulateOptions extends JoinOptions, Knobs {
  readonly count: number;
  readonly prefix: string;
  readonly home?: string | undefined;
}

export async function emulate(options: EmulateOptions): Promise<void> {
  const { count, prefix } = options;
  if (!Number.isSafeInteger(count) || count < 1)
    throw new BomaError("usage/argument", "--count is a whole number from 1 on");
  const conditions = readConditions(options);
  const { kit, token } = await readJoining(options);
  if (!kit)
    throw new BomaError("usage/argument", "emulated nodes need to know their master", {
      hint: "Give --token or --join.",
    });
  const dir = join(agentDir(options.home), "emulated");
  const began = performance.now();
  const fleet = await startFleet({ count, kit, token, dir, prefix, conditions });
  const ms = Math.round(performance.now() - began);
  process.stdout.write(`ready  ${count} agents  ${ms} ms\n`);
  const stop = (): void => void fleet.stop().finally(() => process.exit(0));
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}
