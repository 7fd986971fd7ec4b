/** Plans and what became of them, for people. What a node says may hold anything: it is escaped. */
import { escapeLine } from "@boma/protocol";
import {
  ApplyResult,
  BackupList,
  DriftResult,
  OutputResult,
  type PlanCounts,
  PlanResult,
  type ResourceChange,
} from "@boma/states/core";

import type { TerraformPlanView } from "../api/verbs/terraform.ts";
import { style } from "../print/output.ts";
import { ago, span, table } from "../print/table.ts";
import { shortId } from "./plan-record.ts";

const SIGNS: Readonly<Record<ResourceChange["action"], readonly [string, Parameters<typeof style>[0]]>> = {
  create: ["+", "green"],
  update: ["~", "yellow"],
  replace: ["±", "red"],
  delete: ["-", "red"],
  forget: ["x", "magenta"],
};

function countsText({ add, change, replace, destroy, forget }: PlanCounts): string {
  const parts = [
    [add, "to add"],
    [change, "to change"],
    [replace, "to replace"],
    [destroy, "to destroy"],
    [forget, "to forget"],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
  return told.length === 0 ? "nothing to change" : told.join(", ");
}

const valueText = (value: unknown): string =>
  escapeLine(typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? "null"));

function changeLines({ address, action, reason, attributes }: ResourceChange): string[] {
  const [sign, colour] = SIGNS[action];
  const why = reason === undefined ? "" : style("dim", `  ${escapeLine(reason)}`);
  return [
    `${style(colour, `${sign} ${escapeLine(address)}`)}${why}`,
    ...Object.entries(attributes).map(([name, { from, to }]) => {
      const sides = [from, to].map((side) => (side === undefined ? "none" : valueText(side)));
      return `    ${escapeLine(name)}: ${from === undefined ? sides[1] : `${sides[0]} → ${sides[1]}`}`;
    }),
  ];
}

type Found = Pick<PlanResult, "changes" | "counts" | "more" | "outputs">;

const foundLines = ({ changes, counts, more, outputs }: Found): string[] => [
  ...changes.flatMap(changeLines),
  ...(more > 0 ? [style("dim", `… and ${more} more`)] : []),
  ...outputs.map(({ name, action }) => style("dim", `output ${escapeLine(name)}: ${action}`)),
  style("bold", countsText(counts)),
];

export const planText = (result: PlanResult): string =>
  [
    ...foundLines(result),
    ...result.violations.map((why) => style("red", `refused by the policy: ${escapeLine(why)}`)),
  ].join("\n");

const driftText = (result: DriftResult): string =>
  result.drifted ? ["it is not as its state says:", ...foundLines(result)].join("\n") : "as its state says";

function applyText({ workspace, applied, said, state, backup, rescued, outputs }: ApplyResult): string {
  const names = outputs.map(({ name }) => escapeLine(name)).join(", ");
  return [
    applied ? "applied" : style("red", "failed, and part of it may be done"),
    ...said
      .split("\n")
      .filter((line) => line !== "")
      .map(escapeLine),
    `state at serial ${state.serial}${backup === undefined ? "" : `; the one before is kept as ${backup}`}`,
    ...(rescued === undefined
      ? []
      : [
          style(
            "red",
            `the backend did not take the new state: it is kept on the node as ${escapeLine(rescued)}`,
          ),
          `put it back before anything else: boma-master terraform restore ${escapeLine(workspace)} ${escapeLine(rescued)}`,
        ]),
    ...(names === "" ? [] : [style("dim", `outputs: ${names}`)]),
  ].join("\n");
}

const outputText = ({ outputs }: OutputResult): string =>
  Object.entries(outputs)
    .map(([name, { value }]) => `${escapeLine(name)} = ${valueText(value)}`)
    .join("\n") || "no outputs";

const backupText = ({ backups }: BackupList): string =>
  backups.length === 0
    ? "no former states are kept"
    : table(backups, [
        { head: "BACKUP", text: ({ backup }) => backup },
        { head: "SERIAL", text: ({ serial }) => String(serial) },
        { head: "KEPT", text: ({ at }) => ago(at) },
      ]);

/** What the functions `terraform.*` give back, each in its own words. */
export function resultText(value: unknown): string | undefined {
  const plan = PlanResult.safeParse(value).data;
  if (plan) return planText(plan);
  const drift = DriftResult.safeParse(value).data;
  if (drift) return driftText(drift);
  const apply = ApplyResult.safeParse(value).data;
  if (apply) return applyText(apply);
  const backups = BackupList.safeParse(value).data;
  if (backups) return backupText(backups);
  const output = OutputResult.safeParse(value).data;
  return output && outputText(output);
}

const COLOURS: Readonly<Record<TerraformPlanView["state"], Parameters<typeof style>[0]>> = {
  planned: "cyan",
  approved: "green",
  consuming: "blue",
  applied: "dim",
  failed: "red",
  unknown: "magenta",
  expired: "dim",
  discarded: "dim",
};

export const plansText = (plans: readonly TerraformPlanView[]): string =>
  table(plans, [
    { head: "PLAN", text: ({ plan }) => shortId(plan), colour: (text) => style("bold", text) },
    { head: "WORKSPACE", text: ({ workspace }) => workspace },
    { head: "NODE", text: ({ id }) => id },
    { head: "STATE", text: ({ state }) => state, colour: (text, { state }) => style(COLOURS[state], text) },
    { head: "CHANGES", text: ({ counts }) => countsText(counts) },
    { head: "BY", text: ({ by }) => by },
    { head: "AGE", text: ({ createdAt }) => span(createdAt) },
    { head: "", text: remark },
  ]);

function remark({ state, approvals, needs, comment = "", apply }: TerraformPlanView): string {
  if (state === "planned") return `${approvals.length} of ${needs.count} approvals`;
  if (state === "approved")
    return comment === ""
      ? `by ${approvals.map(({ by }) => by).join(", ") || "nobody: none is needed"}`
      : comment;
  if (state === "consuming") return `job ${apply?.job}`;
  return comment.split("\n")[0] ?? "";
}
