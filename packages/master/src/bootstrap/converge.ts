/** The profile, applied as an operator would apply it: shown while it runs, and told by the job's own report. */
import { askMaster, documentOf, master } from "./programs.ts";

export interface Applied {
  readonly job: string;
  readonly status: string;
  readonly changed: number;
  readonly failed: readonly string[];
}

interface Shown {
  readonly nodes?: Readonly<
    Record<
      string,
      { readonly status: string; readonly return?: Report; readonly error?: { message?: string } }
    >
  >;
}
interface Report {
  readonly results?: readonly {
    readonly id: string;
    readonly result: string;
    readonly comment?: string;
    readonly error?: { message?: string };
  }[];
}

const FINE: ReadonlySet<string> = new Set(["ok", "changed", "skipped"]);

export async function applyProfile(id: string, live: boolean): Promise<Applied> {
  const { job } = await askMaster<{ job: string }>(["run", id, "state.apply", "--async"]);
  if (live) await master(["jobs", "attach", job], { live });
  else await master(["jobs", "attach", job, "--json"]);
  const { stdout } = await master(["jobs", "show", job, "--json"]);
  const end = (documentOf(stdout) as Shown | undefined)?.nodes?.[id];
  const results = end?.return?.results ?? [];
  const failed = results
    .filter(({ result }) => !FINE.has(result))
    .map(
      ({ id: declaration, result, error, comment }) =>
        `${declaration}: ${result}: ${error?.message ?? comment ?? ""}`,
    );
  return {
    job,
    status: end?.status ?? "unknown",
    changed: results.filter(({ result }) => result === "changed").length,
    failed: failed.length === 0 && end?.error ? [end.error.message ?? "failed"] : failed,
  };
}
