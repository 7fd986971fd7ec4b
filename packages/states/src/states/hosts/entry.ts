import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { readIfThere } from "../owned-file.ts";
import { Address, isIPv4 } from "./addresses.ts";
import { HOSTS, parseHosts, splitAt, withBlock } from "./hosts-file.ts";
import { BlockId, HostName, isKept } from "./parameters.ts";

interface Want {
  readonly id: string;
  readonly ip: string;
  readonly names: readonly string[];
}

export default defineState({
  name: "hosts.entry",
  summary: "A line in /etc/hosts: names and the address that they have on this machine.",
  key: "id",
  params: z.strictObject({
    id: BlockId,
    ip: Address,
    names: z
      .array(HostName.refine((name) => !isKept(name), "a name of the machine itself, which stays as it is"))
      .min(1)
      .max(30)
      .describe("The names; the first is the whole one."),
  }),
  confinable: true,
  claims: ({ id }) => [`hosts:${id}`, `file:${HOSTS}#${id}`],

  async check(want, { files }) {
    const text = (await readIfThere(files, HOSTS)) ?? "";
    const { before, inside, after } = splitAt(text, want.id);
    assertFree(want, [...before, ...after].join("\n"));
    return diff({ line: inside?.join("\n") }, { line: lineOf(want) });
  },

  async apply({ line }, { id }, { files }) {
    if (!line) return;
    const text = (await readIfThere(files, HOSTS)) ?? "127.0.0.1\tlocalhost\n::1\tlocalhost\n";
    await files.write(HOSTS, withBlock(text, id, line.to.split("\n")));
  },

  examples: [
    {
      title: "a coordinator that is found without a name server",
      key: "coordinator",
      params: { ip: "10.0.0.5", names: ["mesh.example.org", "mesh"] },
      given: { files: { "/etc/hosts": "127.0.0.1 localhost\n" } },
    },
    {
      title: "one that has moved",
      key: "coordinator",
      params: { ip: "2001:db8::5", names: ["mesh.example.org"] },
      given: {
        files: {
          "/etc/hosts":
            "127.0.0.1 localhost\n# boma begin coordinator\n10.0.0.5 mesh.example.org\n# boma end coordinator\n::1 localhost\n",
        },
      },
    },
  ],
});

const lineOf = ({ ip, names }: Want): string => [ip, ...names].join(" ");

/** Of two lines for one name the first one counts: ours would be there, and mean nothing. */
function assertFree({ ip, names }: Want, others: string): void {
  for (const line of parseHosts(others)) {
    const name = line.names.find((one) => names.includes(one));
    if (name === undefined || line.ip === ip || isIPv4(line.ip) !== isIPv4(ip)) continue;
    throw new BomaError("state/blocked", `${HOSTS} gives ${name} the address ${line.ip} already`, {
      hint: "Remove that line: of two addresses for one name, programs take either.",
    });
  }
}
