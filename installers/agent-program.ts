/** The agent as one executable file: its bundle inside Node, put there by Node itself. */
import { execFile } from "node:child_process";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { bundleWhole } from "./bundle.ts";
import type { Architecture, LockFile } from "./lock-file.ts";
import { writeRuntime } from "./runtime.ts";
import { inScratch } from "./scratch.ts";

const run = promisify(execFile);

export interface AgentProgram {
  readonly arch: Architecture;
  readonly version: string;
  readonly lock: LockFile;
}

export async function writeAgent(program: AgentProgram, file: string): Promise<void> {
  await inScratch(async (dir) => {
    const bundle = join(dir, "agent.mjs");
    await bundleWhole("agent", bundle, program.version);
    await sealAgent(bundle, program, file);
  });
}

/** A bundle as an executable file. */
export async function sealAgent(
  bundle: string,
  { arch, lock }: Pick<AgentProgram, "arch" | "lock">,
  file: string,
): Promise<void> {
  await inScratch(async (dir) => {
    await writeRuntime(lock, arch, join(dir, "node"));
    // By a name without a path, which would stand in the program.
    await copyFile(bundle, join(dir, "agent.mjs"));
    const config = {
      main: "agent.mjs",
      mainFormat: "module",
      executable: join(dir, "node"),
      output: file,
      disableExperimentalSEAWarning: true,
      // It would be that of the machine that builds.
      useCodeCache: false,
      // NODE_OPTIONS is nobody's business here.
      execArgvExtension: "none",
    };
    await writeFile(join(dir, "sea.json"), JSON.stringify(config));
    await run(process.execPath, ["--build-sea", "sea.json"], { cwd: dir });
  });
}
