import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { Path } from "../../states/file/parameters.ts";
import { access, place, tokenOf } from "../../states/vault/api.ts";
import { FlavorOf, namesOf } from "../../states/vault/flavor.ts";

export default defineFunction({
  name: "vault.snapshot",
  summary: "A snapshot of a Vault that keeps its own storage (raft), in a file of the node for root only.",
  params: z.strictObject({
    path: Path.describe("Where it is put; nothing may be there yet."),
    tokenFile: access.tokenFile.unwrap(),
    flavor: FlavorOf,
    address: place.address,
    caFile: Path.optional().describe("Certificates that may have signed the server's."),
  }),
  positional: ["path", "tokenFile"],
  result: z.strictObject({ path: z.string(), bytes: z.int(), sha256: z.string() }),
  effect: "write",
  onRestart: "fail",
  timeoutMs: 30 * 60_000,
  examples: ["boma-master run vault01 vault.snapshot /var/backups/vault.snap /run/boma-vault/token"],
  async run({ path, flavor, address, caFile, ...want }, { host: { files, commands } }) {
    if (await files.stat(path))
      throw new BomaError("vault/refused", `${path} is there already: it is not overwritten`);
    const token = (await tokenOf(want, files)) ?? "";
    const prefix = flavor === "vault" ? "VAULT" : "BAO";
    // The program reads its token from its environment only, and lives as long as the snapshot takes.
    await commands.must({
      argv: [namesOf(flavor).program, "operator", "raft", "snapshot", "save", path],
      env: {
        [`${prefix}_ADDR`]: address,
        [`${prefix}_TOKEN`]: token,
        ...(caFile !== undefined && { [`${prefix}_CACERT`]: caFile }),
      },
      quiet: true,
    });
    await files.chmod(path, "0600");
    const { bytes } = (await files.stat(path))!;
    return { path, bytes, sha256: await files.digest(path) };
  },
  outcome: () => "changed",
});
