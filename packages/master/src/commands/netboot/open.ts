import { parseDuration } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import { style } from "../../print/output.ts";
import { asking, collect, example, performAsking, readAssigned, usage } from "../shell.ts";

export const open = (group: Command): unknown =>
  asking(group.command("open"))
    .description("Opens a boot window: lets a machine boot, and says what becomes of it.")
    .option("--mac <mac>", "for the machine with this address")
    .option("--uuid <uuid>", "for the machine with this SMBIOS UUID")
    .option("--any", "for any machine, for a day at most")
    .option("--ttl <duration>", "how long it is open", "1h")
    .option("--boots <n>", "for so many boots only")
    .option("--diskless", "the machine runs from memory, and may come back with new keys at each boot")
    .option("--install", "the machine puts itself on a disk, and is that node from then on")
    .option("--disk <device>", "of --install: this disk (default: the only one that is proven empty)")
    .option("--id <id>", "what the node is called")
    .option("--image <name>", "the image that it gets (default: the first of its architecture)")
    .option("--profile <name>", "the profile, over what the site's own rules say")
    .option("--env <env>", "the environment that it is assigned to")
    .option("--assign <key=value>", "a further assigned grain (may be repeated)", collect, [])
    .addHelpText("after", example("boma-master netboot open --mac 52:54:00:12:34:56 --diskless --ttl 365d"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const { env, profile, diskless = false, image, id } = options;
        const install = installOf(options);
        const request = {
          for: whichMachine(options),
          assigned: {
            ...(env !== undefined && { env }),
            ...(profile !== undefined && { profile }),
            ...readAssigned(options.assign),
          },
          diskless,
          ttlMs: parseDuration(options.ttl),
          ...(install && { install }),
          ...(image !== undefined && { image }),
          ...(id !== undefined && { node: id }),
          ...(options.boots !== undefined && { boots: readCount(options.boots) }),
        };
        const window = await client.ask<{ id: string; until: number }>("netboot.open", request);
        output.document({ ok: true, ...window });
        output.line(
          `window ${style("bold", window.id)}  for ${request.for.value}, until ${new Date(window.until).toISOString()}`,
        );
        output.line(style("dim", "switch the machine on, and watch: boma-master netboot status --follow"));
      }),
    );

interface Which {
  readonly mac?: string | undefined;
  readonly uuid?: string | undefined;
  readonly any?: true | undefined;
}

function whichMachine({ mac, uuid, any }: Which) {
  const named = [mac, uuid, any].filter((one) => one !== undefined);
  if (named.length !== 1) throw usage("name one machine, or any: --mac, --uuid or --any");
  if (mac !== undefined) return { by: "mac", value: mac.replaceAll("-", ":") } as const;
  return uuid === undefined ? ({ by: "any", value: "*" } as const) : ({ by: "uuid", value: uuid } as const);
}

interface OnDisk {
  readonly install?: true | undefined;
  readonly disk?: string | undefined;
  readonly diskless?: true | undefined;
}

function installOf({ install, disk, diskless }: OnDisk) {
  if (disk !== undefined && !install) throw usage("--disk goes with --install");
  if (install && diskless) throw usage("--install and --diskless are two ways: name one of them");
  return install && (disk === undefined ? {} : { disk });
}

function readCount(text: string): number {
  const boots = Number(text);
  if (Number.isInteger(boots) && boots > 0) return boots;
  throw usage(`--boots ${text} is not a number of boots`);
}
