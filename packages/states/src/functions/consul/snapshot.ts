import { posix } from "node:path";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import type { FunctionHost } from "../../function-host.ts";
import { ownAccess } from "../../states/consul/own-token.ts";
import { access } from "../../states/consul/parameters.ts";
import { Path } from "../../states/file/parameters.ts";
import { makeDirectories } from "../../states/owned-file.ts";

const TIMEOUT_MS = 120_000;

export default defineFunction({
  name: "consul.snapshot",
  summary: "Saves the state of the cluster's servers to a file of this node, and proves that it can be read.",
  params: z.strictObject({
    file: Path.describe("Where it goes; nothing may be there yet. It holds tokens: only root can read it."),
    api: access.api,
  }),
  positional: ["file"],
  result: z.strictObject({ file: z.string(), bytes: z.int(), index: z.int() }),
  effect: "write",
  onRestart: "fail",
  timeoutMs: TIMEOUT_MS,
  examples: ["boma-master run consul-1 consul.snapshot /var/backups/consul.snap"],
  async run({ file, api }, { host }) {
    if (await host.files.stat(file)) throw new BomaError("state/blocked", `there is a ${file} already`);
    await makeDirectories(host.files, posix.dirname(file));
    const draft = await host.files.makeTemporary(posix.dirname(file));
    try {
      const saved = posix.join(draft, "snapshot");
      await save(host, api, draft, saved);
      const index = await inspect(host, saved);
      await host.files.chmod(saved, "0600");
      await host.files.rename(saved, file);
      return { file, bytes: (await host.files.stat(file))!.bytes, index };
    } finally {
      await host.files.remove(draft, { recursive: true });
    }
  },
  outcome: () => "changed",
});

/** The token goes through a file that only root can read: neither arguments nor environment hold it. */
async function save(
  { files, commands }: FunctionHost,
  api: string,
  draft: string,
  to: string,
): Promise<void> {
  const { token } = await ownAccess(files, api);
  const tokenFile = posix.join(draft, "token");
  if (token !== undefined) await files.write(tokenFile, token, { mode: "0600" });
  await commands.must({
    argv: [
      "consul",
      "snapshot",
      "save",
      `-http-addr=${api}`,
      ...(token === undefined ? [] : [`-token-file=${tokenFile}`]),
      to,
    ],
    timeoutMs: TIMEOUT_MS,
  });
}

async function inspect({ commands }: FunctionHost, file: string): Promise<number> {
  const { stdout } = await commands.must({ argv: ["consul", "snapshot", "inspect", "-format=json", file] });
  return (JSON.parse(stdout) as { readonly Meta: { readonly Index: number } }).Meta.Index;
}
