/** What `boma-master maintain` says as JSON, as tests read it. */
import type { Fleet } from "./fleet.ts";

export interface Maintained {
  readonly ok: boolean;
  readonly domains: readonly {
    readonly domain: string;
    readonly state: string;
    readonly why?: string;
    readonly left: readonly string[];
    readonly turns: readonly { readonly node: string; readonly role: string; readonly status: string }[];
  }[];
}

/** The machines that owe a restart, as they say it. */
export async function owing(fleet: Fleet): Promise<string[]> {
  const { value } = await fleet.json<{ nodes: Record<string, readonly unknown[]> }>(
    "maintain",
    "*",
    "--dry-run",
  );
  return Object.entries(value.nodes)
    .flatMap(([id, owed]) => (owed.length > 0 ? id : []))
    .toSorted();
}
