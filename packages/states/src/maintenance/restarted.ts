/**
 * Whether a restart that is owed was done by somebody else: a person, a crash, a boot. What is compared are names of
 * starts and no times: a clock may have been set between the change and the start.
 */
import type { ReadHost } from "../host/host.ts";
import type { AnySpec } from "../state-spec.ts";

export interface Waiting {
  readonly spec: AnySpec | undefined;
  readonly params: Readonly<Record<string, unknown>>;
  /** The start that ran when it was found to wait, after the change was made. */
  readonly noted: string | undefined;
}

/** Never throws: of what cannot be looked at nobody knows that it was restarted. */
export async function isRestarted({ spec, params, noted }: Waiting, host: ReadHost): Promise<boolean> {
  const now = noted === undefined ? undefined : await instanceNow({ spec, params }, host);
  return now !== undefined && now !== noted;
}

/** The start that runs now, where that can be known. */
export async function instanceNow(
  { spec, params }: Pick<Waiting, "spec" | "params">,
  host: ReadHost,
): Promise<string | undefined> {
  try {
    return await spec?.instance?.(params, host);
  } catch {
    return undefined;
  }
}
