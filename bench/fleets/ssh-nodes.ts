/** Fifty addresses of the loopback interface, each a machine to whoever comes by SSH. The last one has a server of its own, which can be frozen. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { SSHD } from "../../scripts/ensure-peers.ts";
import { mustRun } from "../../test/support/hosts/program.ts";
import { TestProcess } from "../../test/support/process.ts";
import { write } from "../peers.ts";
import { NODES } from "./fleet-tool.ts";

export interface SshNodes extends AsyncDisposable {
  readonly port: number;
  readonly keyFile: string;
  readonly addresses: Readonly<Record<string, string>>;
  freezeLast(): () => void;
}

export async function sshNodes(dir: string, port: number): Promise<SshNodes> {
  mkdirSync("/run/sshd", { recursive: true });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const keyFile = join(dir, "id");
  for (const path of [keyFile, join(dir, "host")])
    await mustRun(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path]);
  const addresses = Object.fromEntries(NODES.map((node, index) => [node, `127.7.0.${index + 1}`]));
  const all = Object.values(addresses);
  const parts = [...partsOf(all.slice(0, -1)), all.slice(-1)];
  const servers = parts.map((part, at) => server(dir, `part-${at}`, { addresses: part, port }));
  await Promise.all(servers.map((one) => one.line(/Server listening/)));
  return {
    port,
    keyFile,
    addresses,
    freezeLast() {
      servers.at(-1)!.signal("SIGSTOP");
      return () => servers.at(-1)!.signal("SIGCONT");
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((one) => one[Symbol.asyncDispose]()));
    },
  };
}

/** sshd takes no more addresses than these. */
const ADDRESSES_MAX = 16;

const partsOf = (all: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(all.length / ADDRESSES_MAX) }, (_, at) =>
    all.slice(at * ADDRESSES_MAX, (at + 1) * ADDRESSES_MAX),
  );

interface Listening {
  readonly addresses: readonly string[];
  readonly port: number;
}

function server(dir: string, name: string, { addresses, port }: Listening): TestProcess {
  const config = [
    ...addresses.map((address) => `ListenAddress ${address}:${port}`),
    `HostKey ${join(dir, "host")}`,
    `AuthorizedKeysFile ${join(dir, "id.pub")}`,
    `PidFile ${join(dir, `${name}.pid`)}`,
    "PermitRootLogin yes",
    "StrictModes no",
    "UsePAM no",
    // Fifty come at once, and none of them is to be sent away.
    "MaxStartups 200",
    "Subsystem sftp internal-sftp",
  ];
  const path = write(join(dir, `${name}.conf`), `${config.join("\n")}\n`);
  return new TestProcess(SSHD, ["-D", "-e", "-f", path]);
}
