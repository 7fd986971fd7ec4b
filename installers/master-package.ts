/** What the package of the master holds, and how it is installed. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Packed } from "./agent-package.ts";
import type { Deb } from "./deb.ts";
import { scriptsOf, shared } from "./package-parts.ts";
import { ROOT } from "./root.ts";
import { file, filesBelow, type TreeFile } from "./tree-file.ts";

const PARTS = join(ROOT, "installers/master");
/** The oldest that all tests run on: Debian 12's. */
const NATS_SERVER_MIN = "2.9.10";

/** `dir` has the tree with its door, and the runtime. */
export async function masterDeb(dir: string, { arch, version, extras }: Packed): Promise<Deb> {
  return {
    control: {
      Package: "boma-master",
      ...shared(version, arch),
      Depends: `nats-server (>= ${NATS_SERVER_MIN}), libc6 (>= 2.28), libstdc++6 (>= 12), libatomic1, passwd, init-system-helpers (>= 1.54)`,
      Description:
        "master of a boma fleet\n Decides which node does what, and shows it. Runs a nats-server of its own: the\n service that Debian's package brings is masked while this package is there.",
    },
    scripts: await scriptsOf(PARTS, version),
    files: [...(await masterFiles(dir)), ...extras],
    conffiles: ["/etc/default/boma-master", "/etc/default/boma-netboot"],
  };
}

export async function masterFiles(dir: string): Promise<TreeFile[]> {
  const part = (name: string): Promise<Buffer> => readFile(join(PARTS, name));
  return [
    ...(await filesBelow(dir, "usr/lib/boma-master")),
    file("usr/bin/boma-master", await part("boma-master"), 0o755),
    file("usr/bin/boma-audit-verify", await part("boma-audit-verify"), 0o755),
    file("usr/lib/systemd/system/boma-master.service", await part("boma-master.service")),
    file("usr/lib/systemd/system/boma-master.path", await part("boma-master.path")),
    file("usr/lib/systemd/system/boma-netboot.service", await part("boma-netboot.service")),
    file("usr/lib/sysusers.d/boma-netboot.conf", await part("boma-netboot.sysusers")),
    file("etc/default/boma-master", await part("boma-master.default")),
    file("etc/default/boma-netboot", await part("boma-netboot.default")),
  ];
}
