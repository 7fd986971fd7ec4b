/** A site with a daemon of its own that restarts in maintenance only, and takes as long for it as the test wants. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Fleet } from "./fleet.ts";
import { run, type RunDocument } from "./run.ts";

/** Its restart writes that it begins, waits until it is let go, and writes that it ended. */
const DAEMON = `import { defineState, diff } from "@boma/states";
import { z } from "zod";
const add = async (files: any, word: string) =>
  files.write("/log", ((await files.stat("/log")) ? await files.readText("/log") : "") + word + "\\n");
export default defineState({
  name: "acme.daemon",
  summary: "A daemon that restarts in maintenance only.",
  key: "name",
  params: z.strictObject({ name: z.string().describe("Its name."), domain: z.string().describe("Its domain.") }),
  confinable: true,
  async check(_, { files }) {
    return diff({ active: (await files.stat("/daemon")) !== undefined }, { active: true });
  },
  apply: (_, __, { files }) => files.write("/daemon", "up"),
  async refresh(_, { files }) {
    await add(files, "begun");
    while ((await files.stat("/let-go")) === undefined) await new Promise((go) => setTimeout(go, 20));
    await add(files, "ended");
  },
  protects: async ({ name }) => name + " is restarted in maintenance only",
  restarts: ({ name, domain }) => ({ unit: name, domain }),
  examples: [{ title: "one", key: "acme", params: { domain: "acme" } }],
});
`;
const OPEN = 'maintenance.window("always", { cron: "* * * * *", duration: "1h" })';

export interface RestartSite {
  /** What the configuration holds: another word is another restart. */
  readonly word: string;
  readonly open?: boolean;
}

export function writeRestartSite(fleet: Fleet, { word, open = true }: RestartSite): void {
  const files = {
    "top.ts": `import { top } from "@boma/states";\nimport acme from "./states/acme.ts";\nexport default top({ "*": [acme] });\n`,
    "states/acme.ts": `import { file, maintenance, tree } from "@boma/states";
import daemon from "./acme/daemon.ts";
export default tree(() => {
  const config = file.managed("/conf", { contents: ${JSON.stringify(word)} });
  return [config, daemon("acme", { domain: "acme/one", watch: config }), ${open ? OPEN : ""}];
});
void maintenance;
`,
    "states/acme/daemon.ts": DAEMON,
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(fleet.home, "site", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

/** What its daemon did on a confined node, and the way to let it go on. */
export class Restarts {
  readonly #root: string;

  constructor(fleet: Fleet, id: string) {
    this.#root = join(fleet.dir, id);
  }

  letGo(): void {
    writeFileSync(join(this.#root, "let-go"), "");
  }

  hold(): void {
    rmSync(join(this.#root, "let-go"), { force: true });
  }

  get log(): readonly string[] {
    const path = join(this.#root, "log");
    return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
  }
}

let words = 0;

/** Every node owes a restart afterwards, but where this was its first configuration. */
export async function owe(fleet: Fleet, { open = true }: { readonly open?: boolean } = {}): Promise<void> {
  writeRestartSite(fleet, { word: `word ${++words}`, open });
  const { code, value } = await run(fleet, "*", "state.apply");
  if (code !== 0) throw new Error(`the apply failed: ${JSON.stringify(value)}`);
}

export const restart = (fleet: Fleet, id: string, ...words: readonly string[]) =>
  run(fleet, id, "maintenance.run", "acme/one", ...words) as Promise<{
    code: number | null;
    value: RunDocument;
  }>;
