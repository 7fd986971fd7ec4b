/** What is wrong with the reactors of a site, for `boma-master check`. */
import type { SiteError } from "../site/site-error.ts";
import { REACTOR_LIMITS, ReactorProcess } from "./reactor-process.ts";
import { loadReactors, reactorFiles, type SiteReactor } from "./site-reactor.ts";

/** Loads files into a process of their own, which is gone when the work with them is done. */
export async function withReactors<T>(
  site: string,
  files: readonly string[],
  work: (
    loaded: { readonly reactors: readonly SiteReactor[]; readonly errors: readonly SiteError[] },
    process: () => ReactorProcess,
  ) => Promise<T>,
): Promise<T> {
  let held: ReactorProcess | undefined;
  const process = () => (held?.alive ? held : (held = new ReactorProcess(site, REACTOR_LIMITS)));
  try {
    return await work(await loadReactors(files, process), process);
  } finally {
    await held?.close();
  }
}

export async function reactorFaults(site: string): Promise<readonly SiteError[]> {
  const files = reactorFiles(site);
  return files.length === 0 ? [] : withReactors(site, files, async ({ errors }) => errors);
}
