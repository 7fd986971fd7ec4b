/** What the package of the agent holds, and how it is installed. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Deb } from "./deb.ts";
import { scriptsOf, shared } from "./package-parts.ts";
import { ROOT } from "./root.ts";
import { directory, file, type TreeFile } from "./tree-file.ts";

const PARTS = join(ROOT, "installers/agent");

export interface Packed {
  readonly arch: string;
  readonly version: string;
  /** Completion and manual pages. */
  readonly extras: readonly TreeFile[];
}

export async function agentDeb(program: Uint8Array, { arch, version, extras }: Packed): Promise<Deb> {
  return {
    control: {
      Package: "boma-agent",
      ...shared(version, arch),
      Depends: "libc6 (>= 2.28), libstdc++6 (>= 12), libatomic1, init-system-helpers (>= 1.54)",
      Description:
        "agent of a boma node\n Enrols this machine with its master and does what the master signs.\n It waits for /etc/boma/token or /etc/boma/join, and begins by itself\n when one of them is there.",
    },
    scripts: await scriptsOf(PARTS, version),
    files: [...(await agentFiles(program)), ...extras],
    conffiles: ["/etc/default/boma-agent"],
  };
}

export async function agentFiles(program: Uint8Array): Promise<TreeFile[]> {
  const part = (name: string): Promise<Buffer> => readFile(join(PARTS, name));
  return [
    file("usr/lib/boma-agent/boma-agent", program, 0o755),
    file("usr/lib/boma-agent/probation", await part("probation"), 0o755),
    file("usr/bin/boma-agent", await part("boma-agent"), 0o755),
    file("usr/lib/systemd/system/boma-agent.service", await part("boma-agent.service")),
    file("usr/lib/systemd/system/boma-agent-probation.service", await part("boma-agent-probation.service")),
    file("etc/default/boma-agent", await part("boma-agent.default")),
    directory("etc/boma"),
    directory("etc/boma/agent.d"),
  ];
}
