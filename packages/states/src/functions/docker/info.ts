import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import type { ReadHost } from "../../host/host.ts";
import { infoOf, read } from "../../states/docker/api.ts";
import { assertUp } from "../../states/docker/assert-up.ts";
import { natOf } from "../../states/docker/nat-chain.ts";

const Published = z.strictObject({
  container: z.string(),
  /** The address of this machine on which it is published. */
  address: z.string(),
  port: z.int(),
  proto: z.string(),
});

interface Container {
  readonly Names: readonly string[];
  readonly Ports: readonly {
    readonly IP?: string;
    readonly PublicPort?: number;
    readonly Type: string;
  }[];
}

export default defineFunction({
  name: "docker.info",
  summary:
    "How Docker is on this node, which ports it publishes, and whether a firewall of boma stands before them.",
  params: z.strictObject({}),
  result: z.strictObject({
    version: z.string(),
    storage: z.string(),
    root: z.string(),
    liveRestore: z.boolean(),
    images: z.int(),
    containers: z.int(),
    running: z.int(),
    /** `gone`: something has emptied the tables, and a restart of docker makes the rules anew. */
    nat: z.enum(["there", "gone", "unmanaged", "unknown"]),
    /** Whether ports that nobody declared are kept from outside: `forward` of the firewall. */
    guarded: z.boolean(),
    published: z.array(Published),
  }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run web-1 docker.info"],
  async run(_, { host }) {
    await assertUp(host);
    const info = await infoOf(host.http);
    const containers = await read<readonly Container[]>(host.http, "/containers/json");
    return {
      version: info.ServerVersion,
      storage: info.Driver,
      root: info.DockerRootDir,
      liveRestore: info.LiveRestoreEnabled,
      images: info.Images,
      containers: info.Containers,
      running: info.ContainersRunning,
      nat: await natOf(host, info.FirewallBackend?.Driver),
      guarded: await isGuarded(host),
      published: containers.flatMap(publishedBy),
    };
  },
});

const publishedBy = ({ Names, Ports }: Container): z.input<typeof Published>[] =>
  Ports.filter(({ PublicPort }) => PublicPort !== undefined).map(({ IP, PublicPort, Type }) => ({
    container: (Names[0] ?? "").replace(/^\//, ""),
    address: IP ?? "",
    port: PublicPort!,
    proto: Type,
  }));

async function isGuarded({ commands }: ReadHost): Promise<boolean> {
  const { exitCode } = await commands.read({ argv: ["nft", "list", "chain", "inet", "boma", "forward"] });
  return exitCode === 0;
}
