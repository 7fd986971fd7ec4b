import { parseDuration } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { ago, grainText, table } from "../print/table.ts";
import { asking, collect, example, performAsking, readAssigned, usage } from "./shell.ts";

interface Created {
  readonly id: string;
  readonly token: string;
  readonly joinToken: string;
  readonly servers: readonly string[];
  readonly expiresAt: number;
}

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly used: number;
  readonly uses: number;
  readonly expiresAt: number;
  readonly createdBy: string;
  readonly assigned: Record<string, string>;
  readonly mac?: string;
}

export function token(program: Command): void {
  const group = program
    .command("token")
    .summary("boot tokens: create, list, revoke")
    .description("Boot tokens let machines join without anybody looking.")
    .addHelpText("after", example("boma-master token create --env dev --uses 10 --ttl 1h"));
  create(group);
  list(group);
  revoke(group);
}

const create = (group: Command): unknown =>
  asking(group.command("create"))
    .description("Makes a boot token, and prints the command line for the machine.")
    .option("--env <env>", "the environment that its bearers are assigned to")
    .option("--role <role>", "the role that they are assigned")
    .option("--assign <key=value>", "a further assigned grain (may be repeated)", collect, [])
    .option("--uses <n>", "how many machines may use it", "1")
    .option("--ttl <duration>", "how long it holds", "10m")
    .option("--mac <mac>", "only for the machine with this address")
    .addHelpText("after", example("boma-master token create --env dev --role web --ttl 30m"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const { env, role, assign, mac } = options;
        const uses = Number(options.uses);
        if (!Number.isInteger(uses) || uses < 1)
          throw usage(`--uses ${options.uses} is not a number of machines`);
        const assigned = {
          ...(env !== undefined && { env }),
          ...(role !== undefined && { role }),
          ...readAssigned(assign),
        };
        const request = {
          assigned,
          uses,
          ttlMs: parseDuration(options.ttl),
          ...(mac !== undefined && { mac }),
        };
        const made = await client.ask<Created>("token.create", request);
        const command = `boma-agent run --master ${made.servers.join(",")} --token ${made.joinToken}`;
        output.document({ ok: true, ...made, command });
        output.line(
          `token    ${style("bold", made.token)}  ${style("dim", `${uses} use${uses === 1 ? "" : "s"}, until ${new Date(made.expiresAt).toISOString()}`)}`,
        );
        if (Object.keys(assigned).length > 0) output.line(`assigns  ${grainText(assigned)}`);
        output.line("on the machine (the long form also says who this master is):");
        output.line(`\n  ${command}\n`);
        output.line(
          style("dim", "--token-file FILE reads it from a file, which keeps it out of the process list."),
        );
      }),
    );

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists the tokens that are open, spent or expired.")
    .addHelpText("after", example("boma-master token list"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const tokens = await client.ask<Listed[]>("token.list");
        output.document(tokens);
        if (tokens.length === 0) return output.line("no tokens");
        output.line(
          table(tokens, [
            { head: "ID", text: ({ id }) => id },
            {
              head: "STATE",
              text: ({ state }) => state,
              colour: (text, { state }) => style(state === "open" ? "green" : "dim", text),
            },
            { head: "USED", text: ({ used, uses }) => `${used}/${uses}` },
            {
              head: "ASSIGNS",
              text: ({ assigned, mac }) => grainText(mac === undefined ? assigned : { ...assigned, mac }),
            },
            { head: "BY", text: ({ createdBy }) => createdBy },
            {
              head: "ENDS",
              text: ({ expiresAt }) =>
                expiresAt < Date.now() ? ago(expiresAt) : new Date(expiresAt).toISOString(),
            },
          ]),
        );
      }),
    );

const revoke = (group: Command): unknown =>
  asking(group.command("revoke"))
    .description("Withdraws a token.")
    .argument("<id>", "the token's id, the part between the underscores")
    .addHelpText("after", example("boma-master token revoke SFK9SVPR3M"))
    .action((id, options) =>
      performAsking(options, async (client, output) => {
        const done = await client.ask<object>("token.revoke", { id });
        output.document({ ok: true, ...done });
        output.line(`token ${id} withdrawn`);
      }),
    );
