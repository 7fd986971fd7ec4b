/** How an emulated fleet has it worse than on the loopback of one machine: what its knobs say, read and checked. */
import { BomaError } from "@boma/protocol";

export interface Conditions {
  /** What each message of a node takes longer, in either direction. */
  readonly latencyMs: number;
  /** Of what a node asks or hands over: that it, or its answer, does not arrive. */
  readonly lossPercent: number;
  /** A node's connection drops about this often; 0 for never. */
  readonly flapMs: number;
  /** Nodes whose functions take longer, and how much. */
  readonly slow: { readonly percent: number; readonly ms: number };
}

/** The words as they were typed. */
export interface Knobs {
  readonly latency?: string | undefined;
  readonly loss?: string | undefined;
  readonly flap?: string | undefined;
  readonly slow?: string | undefined;
}

const HOUR_MS = 3_600_000;
const FLAP_S_MAX = 86_400;

export function readConditions({ latency, loss, flap, slow }: Knobs): Conditions {
  const [percent = "0", ms = slow === undefined ? "0" : "", ...rest] = slow?.split(":") ?? [];
  if (rest.length > 0) throw wrong("--slow", slow!, "PERCENT:MS, such as 5:2000");
  return {
    latencyMs: number("--latency", latency, { max: HOUR_MS, form: "milliseconds, such as 40" }),
    // With nothing that arrives there is no fleet.
    lossPercent: number("--loss", loss, { max: 90, form: "a percentage up to 90, such as 2" }),
    flapMs: 1000 * number("--flap", flap, { max: FLAP_S_MAX, form: "seconds, such as 60" }),
    slow: {
      percent: number("--slow", percent, { max: 100, form: "PERCENT:MS, such as 5:2000" }),
      ms: number("--slow", ms, { max: HOUR_MS, form: "PERCENT:MS, such as 5:2000" }),
    },
  };
}

function number(option: string, text = "0", { max, form }: { max: number; form: string }): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= max) return value;
  throw wrong(option, text, form);
}

const wrong = (option: string, text: string, form: string): BomaError =>
  new BomaError("usage/argument", `${option} ${JSON.stringify(text)}: it is ${form}`);

/** Whether the node with this index is a slow one: they lie evenly among the others, the same in each run. */
export const isSlow = (index: number, percent: number): boolean =>
  Math.floor(((index + 1) * percent) / 100) > Math.floor((index * percent) / 100);
