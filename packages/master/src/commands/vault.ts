/** A share of a Vault's key, from the terminal of its holder to the one node that it is for: nothing of it is kept. */
import { BomaError, sealTo } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { Client } from "../client/client.ts";
import { readHidden } from "../hidden-line.ts";
import { asking, example, performAsking } from "./shell.ts";

interface Given {
  readonly sealed: boolean;
  readonly threshold: number;
  readonly progress: number;
}

export function vault(program: Command): void {
  const group = program
    .command("vault")
    .summary("give a node's Vault a share of its key")
    .description("Works with Vaults that people open. No share is ever shown, or kept.")
    .addHelpText("after", example("boma-master vault unseal vault01"));
  asking(group.command("unseal"))
    .description(
      "Asks for a share, seals it to a key that the node makes for it, and has the node give it to its own Vault.",
    )
    .argument("<node>", "the node on which it runs")
    .option("--address <url>", "where it listens on that node", "https://127.0.0.1:8200")
    .option("--ca-file <file>", "certificates that may have signed the server's")
    .addHelpText("after", example("boma-master vault unseal vault01 --address http://127.0.0.1:8200"))
    .action((node, options) =>
      performAsking(options, async (client, output) => {
        const ca = options.caFile === undefined ? {} : { ca: await textOf(options.caFile) };
        const share = await readHidden(`share for ${node}: `);
        if (share === "") throw new BomaError("vault/share", "no share was given");
        const given = await give(client, node, share, { address: options.address, ...ca });
        output.document({ ok: true, node, ...given });
        const more = given.threshold - given.progress;
        output.line(
          given.sealed
            ? `${node} took it: ${given.progress} of ${given.threshold}, ${more} more to go`
            : `${node} is open`,
        );
      }),
    );
}

async function textOf(path: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return readFile(path, "utf8");
}

/** Two jobs: the node makes a key that lives in its memory; what is kept of the second can be opened by nobody. */
async function give(client: Client, node: string, share: string, where: object): Promise<Given> {
  const { key } = await called<{ key: string }>(client, node, "vault.unseal-begin", {});
  const sealed = Buffer.from(sealTo(Buffer.from(key, "hex"), Buffer.from(share))).toString("base64");
  return called<Given>(client, node, "vault.unseal", { key, sealed, ...where });
}

async function called<T>(
  client: Client,
  node: string,
  name: string,
  args: Record<string, unknown>,
): Promise<T> {
  const { runToEnd } = await import("../client/run-to-end.ts");
  const { nodes } = await runToEnd(client, { target: node, function: name, args });
  const [[id, ended] = [node, undefined], ...others] = [...nodes];
  if (!ended || others.length > 0)
    throw new BomaError("vault/share", `${node} does not mean one node, but ${nodes.size}`, {
      hint: "A share is for one node: name it.",
    });
  if (ended.error) throw new BomaError("vault/share", `${id}: ${ended.error.message}`);
  if (ended.status !== "ok" && ended.status !== "changed")
    throw new BomaError("vault/share", `${id} did not take it: ${ended.status}`);
  return ended.return as T;
}
