/** What operators and reactors ask of the master, recorded before it is done, and how it ended. */
import type { Verb } from "@boma/protocol";

import type { Reaction } from "../api/perform.ts";
import type { OperatorRecord, Rights } from "../api/rights.ts";
import type { AnyVerb } from "../api/verb.ts";
import type { Audit } from "./audit.ts";
import { bounded, maskedCall } from "./masked.ts";

export interface AskedFor {
  readonly operator: OperatorRecord;
  readonly verb: Verb;
  readonly from: string;
  readonly reaction?: Reaction | undefined;
}

/** Those that ask for their rights themselves, and only read. */
const READING: readonly string[] = ["feed.keep", "events."];

/** Reading is not recorded, but for functions that read on nodes: those are jobs. */
export const isRecorded = ({ verb, right }: Pick<AnyVerb, "verb" | "right">): boolean =>
  (right === "admin" || right === "itself") && !READING.some((name) => verb.startsWith(name));

export class RequestAudit {
  readonly #audit: Pick<Audit, "write" | "later">;

  constructor(audit: Pick<Audit, "write" | "later">) {
    this.#audit = audit;
  }

  /** Resolves with the record's number once it is on the disk; before that nothing may be done. */
  async begun(asked: AskedFor, args: unknown): Promise<number> {
    return this.#audit.write({
      kind: "request",
      ...whoAsked(asked),
      args: await maskedArgs(asked.verb, args),
    });
  }

  async ended(request: number, end: { readonly error?: string; readonly job?: string }): Promise<void> {
    await this.#audit.later({ kind: "ended", request, ok: end.error === undefined, ...end });
  }

  /** How a request ended that the role does not allow; with its number where it got as far as being recorded. */
  async denied(asked: AskedFor, reason: string, request?: number): Promise<void> {
    const said = { ...whoAsked(asked), reason: reason.slice(0, 2000) };
    await this.#audit.later({ kind: "denied", ...(request !== undefined && { request }), ...said });
  }
}

const whoAsked = ({ operator, verb, from, reaction }: AskedFor) => ({
  operator: operator.name,
  key: operator.key,
  rights: rightsText(operator.rights),
  from,
  ...(reaction && { causes: reaction.causes }),
  verb,
});

/** What the role was at that moment, in one line. */
function rightsText({ admin, read, audit, events, run, assign = [] }: Rights): string {
  if (admin) return "admin";
  const words = [
    ...(read ? ["read"] : []),
    ...(audit ? ["audit"] : []),
    ...(events.length > 0 ? [`events ${events.join(" ")}`] : []),
    ...run.map(({ functions, target }) => `run ${functions.join(" ")} on ${target}`),
    ...assign.map(({ grains, target }) => `assign ${grains.join(" ")} on ${target}`),
  ];
  return words.join("; ").slice(0, 4000) || "none";
}

async function maskedArgs(verb: Verb, args: unknown): Promise<unknown> {
  // Other requests name keys that are public, and secrets only by their names.
  if (verb !== "job.start") return bounded(args);
  const {
    function: name,
    args: given,
    ...rest
  } = args as { function: string; args: Record<string, unknown> };
  return bounded({ ...rest, function: name, args: await maskedCall(name, given) });
}
