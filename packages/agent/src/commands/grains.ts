import { escapeControl } from "@boma/protocol";

import { machineGrains } from "./machine-grains.ts";

export interface GrainsOptions {
  readonly json?: true | undefined;
  readonly grain: readonly string[];
  readonly root?: string | undefined;
}

export async function grains(options: GrainsOptions): Promise<void> {
  const { grains: found, problems } = await machineGrains(options.grain, options.root).collect();
  for (const { collector, message } of problems)
    process.stderr.write(escapeControl(`warning: ${collector}: ${message}\n`));
  if (options.json) {
    process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
    return;
  }
  for (const [key, value] of Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    process.stdout.write(`${escapeControl(`${key}: ${text}`)}\n`);
  }
}
