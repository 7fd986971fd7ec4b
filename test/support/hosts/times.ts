/** What a machine took, and where it waited, for whoever reads a run of the hosts tier. */
import type { RunReport } from "@boma/states";

/** States that wait for something to be ready. */
const GATE = /^(gate\.\w+|time\.synced|network\.online|\w+\.(ready|quorum))$/;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** How long an apply took on a node, and each gate of it. */
export function timesOf(node: string, { results, summary }: RunReport): string {
  const gates = results.filter(({ state }) => GATE.test(state)).map(({ id, ms }) => `, ${id} ${seconds(ms)}`);
  return `${node}: applied in ${seconds(summary.ms)}${gates.join("")}`;
}

/** What a test waited at a gate that it asked for by itself; nothing for other states. */
export function gateTime(node: string, state: string, began: number): string | undefined {
  return GATE.test(state) ? `${node}: ${state} took ${seconds(performance.now() - began)}` : undefined;
}

/** How long a cold start or stop took, and each of its stages. */
export function coldTimes(
  way: string,
  ms: number,
  stages: readonly { readonly stage: string; readonly ms: number }[],
): string {
  return `${way} in ${seconds(ms)}: ${stages.map(({ stage, ms: took }) => `${stage} ${seconds(took)}`).join(", ")}`;
}
