/** The stages of a fleet in the order in which they come up, from what its nodes say of themselves. */
import { BomaError } from "@boma/protocol";
import { type Stage, type StageInfo, STAGES, standsOn } from "@boma/states/core";

export interface FleetStage {
  readonly stage: Stage;
  /** Stages of this fleet that must be up before. */
  readonly awaits: readonly Stage[];
  readonly nodes: readonly string[];
}

/** What comes first, first. Throws `stage/cycle` where stages wait for each other. */
export function fleetStages(byNode: ReadonlyMap<string, readonly StageInfo[]>): readonly FleetStage[] {
  const stages = STAGES.flatMap((stage): FleetStage[] => {
    const has = [...byNode].flatMap(([id, infos]) =>
      infos.filter((info) => info.stage === stage).map(({ awaits }) => ({ id, awaits })),
    );
    if (has.length === 0) return [];
    const awaits = new Set(has.flatMap((node) => node.awaits));
    return [{ stage, awaits: [...awaits], nodes: has.map(({ id }) => id) }];
  });
  const present = new Map(stages.map((one) => [one.stage, one]));
  const resolved = stages.map((one) => ({ ...one, awaits: presentBelow(one, present) }));
  return inOrder(resolved);
}

/** What a stage stands on that is not there stands on something itself. */
function presentBelow({ stage, awaits }: FleetStage, present: ReadonlyMap<Stage, FleetStage>): Stage[] {
  const below = new Set(awaits);
  for (const other of below) if (!present.has(other)) for (const next of standsOn(other)) below.add(next);
  return STAGES.filter((other) => below.has(other) && present.has(other) && other !== stage);
}

function inOrder(stages: readonly FleetStage[]): readonly FleetStage[] {
  const order: FleetStage[] = [];
  let left = stages;
  while (left.length > 0) {
    const done = new Set(order.map(({ stage }) => stage));
    const next = left.filter(({ awaits }) => awaits.every((stage) => done.has(stage)));
    if (next.length === 0) throw cycle(left);
    order.push(...next);
    left = left.filter((one) => !next.includes(one));
  }
  return order;
}

function cycle(left: readonly FleetStage[]): BomaError {
  const of = new Map(left.map((one) => [one.stage, one]));
  const path: Stage[] = [left[0]!.stage];
  for (;;) {
    const next = of.get(path.at(-1)!)!.awaits.find((stage) => of.has(stage))!;
    const at = path.indexOf(next);
    path.push(next);
    if (at >= 0)
      return new BomaError("stage/cycle", `stages wait for each other: ${path.slice(at).join(" → ")}`, {
        hint: "Something that they need of each other has to come from elsewhere when the fleet starts: a secret that is not in Vault, a service without Consul.",
      });
  }
}

/** The same fleet on its way down: a stage goes when all that stands on it is down. */
export const reversed = (stages: readonly FleetStage[]): readonly FleetStage[] =>
  stages.toReversed().map((one) => ({
    ...one,
    awaits: stages.filter(({ awaits }) => awaits.includes(one.stage)).map(({ stage }) => stage),
  }));
