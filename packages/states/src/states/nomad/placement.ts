/** Whether a job found its places, and if not, what stands against it. */
import { BomaError } from "@boma/protocol";

import type { ReadHttp } from "../../host/http.ts";
import { type Access, read } from "./api.ts";

/** One blocked evaluation may lead to the next, as often as nodes come and go. */
const FOLLOWED_MAX = 20;

/** What Nomad says of a node that is like one which it has looked at already. */
const ALIKE = "computed class ineligible";

interface Metric {
  readonly NodesEvaluated?: number;
  readonly NodesInPool?: number;
  readonly ConstraintFiltered?: Readonly<Record<string, number>> | null;
  readonly ClassFiltered?: Readonly<Record<string, number>> | null;
  readonly DimensionExhausted?: Readonly<Record<string, number>> | null;
}

interface Evaluation {
  readonly Status: string;
  readonly StatusDescription?: string;
  /** What goes on with it when a node comes that could take the rest. */
  readonly BlockedEval?: string;
  readonly FailedTGAllocs?: Readonly<Record<string, Metric>> | null;
}

/** What it waits for, in words. */
export async function notPlaced(http: ReadHttp, at: Access, first: string): Promise<string | undefined> {
  let id = first;
  let lacking: string | undefined;
  for (let followed = 0; followed < FOLLOWED_MAX; followed++) {
    const evaluation = await read<Evaluation>(http, at, `/v1/evaluation/${id}`);
    if (!evaluation || evaluation.Status === "pending") return lacking ?? "nobody has placed it yet";
    if (evaluation.Status === "failed")
      throw new BomaError(
        "nomad/job",
        `it could not be placed: ${evaluation.StatusDescription ?? "no reason"}`,
      );
    lacking = lackingIn(evaluation) ?? (evaluation.Status === "blocked" ? lacking : undefined);
    const { BlockedEval: next = "" } = evaluation;
    if (lacking === undefined || next === "" || evaluation.Status === "blocked") return lacking;
    id = next;
  }
  return lacking;
}

function lackingIn({ FailedTGAllocs: failed }: Evaluation): string | undefined {
  const groups = Object.entries(failed ?? {});
  if (groups.length === 0) return undefined;
  return groups.map(([group, metric]) => `no node takes ${group} (${reasonsIn(metric)})`).join("; ");
}

function reasonsIn(metric: Metric): string {
  const against = [
    ...Object.keys(metric.ConstraintFiltered ?? {}).filter((constraint) => constraint !== ALIKE),
    ...Object.keys(metric.ClassFiltered ?? {}).map((name) => `class ${name}`),
    ...Object.keys(metric.DimensionExhausted ?? {}).map((name) => `not enough ${name}`),
  ];
  if (against.length > 0) return against.join(", ");
  return metric.NodesEvaluated === 0 ? "no node that takes jobs is in its pool and datacenters" : "no room";
}
