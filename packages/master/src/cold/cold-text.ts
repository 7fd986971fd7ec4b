/** What came of a stage, as people read it: how long it took, on which node, and why not. */
import { escapeLine } from "@boma/protocol";
import { asReport, type StateResult, StageStop } from "@boma/states/core";

import { style } from "../print/output.ts";
import type { NodeEnd, StageEnd } from "./go-through.ts";

const STATES = {
  done: "green",
  failed: "red",
  held: "magenta",
} as const;

export function stageText(end: StageEnd, done: "up" | "down"): string {
  const { stage, state, heldBy, ms, nodes } = end;
  const word = state === "done" ? done : state;
  const head = `${style(STATES[state], word.padEnd(7))}${style("bold", stage.padEnd(10))}`;
  if (state === "held") return `${head}held back by ${heldBy.join(", ")}`;
  const lines = Object.entries(nodes).flatMap(([id, node]) => nodeLines(id, node));
  return [`${head}${seconds(ms)}`, ...lines].join("\n");
}

function nodeLines(id: string, node: NodeEnd): string[] {
  const { status, error, value, ms } = node;
  const took = ms === undefined ? "" : seconds(ms);
  const head = `         ${escapeLine(id).padEnd(20)} ${status.padEnd(8)} ${style("dim", took)}`;
  const said = error ? [`           ${escapeLine(error.message)}`] : [];
  const waits = gatesOf(value).map(({ id: gate, ms: waited, result, comment, error: why }) => {
    const what = why ? `${result}: ${why.message}` : result === "ok" ? "" : comment;
    return style("dim", `           ${escapeLine(gate)} ${seconds(waited)} ${escapeLine(what)}`.trimEnd());
  });
  const stopped = StageStop.safeParse(value);
  const units = stopped.success ? stopped.data.units : [];
  return [
    head,
    ...said,
    ...waits,
    ...units.map(({ unit, ms: took }) => style("dim", `           ${escapeLine(unit)} ${seconds(took)}`)),
  ];
}

/** The gates of a stage, and whatever went wrong in it. */
const gatesOf = (value: unknown): readonly StateResult[] =>
  (asReport(value)?.results ?? []).filter(
    ({ state, result }) => isGate(state) || !["ok", "changed"].includes(result),
  );

const isGate = (state: string): boolean =>
  state.startsWith("gate.") || state.endsWith(".ready") || ["time.synced", "network.online"].includes(state);

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
