import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHost } from "../../host/host.ts";
import { managedText, readIfThere, writeBelow } from "../owned-file.ts";
import { fileFor, isKey, plainValue, slashed, written } from "./key.ts";
import { lastSetting } from "./winner.ts";

interface Want {
  readonly key: string;
  readonly value: string;
  readonly persist: boolean;
  readonly ignoreMissing: boolean;
}

export default defineState({
  name: "sysctl.set",
  summary: "A kernel parameter with this value, now and after every boot.",
  key: "key",
  params: z.strictObject({
    key: z
      .string()
      .refine(isKey, "a parameter's name: net.ipv4.ip_forward")
      .describe(
        "Its name, with dots or with slashes; with slashes where a part holds a dot: net/ipv4/conf/eth0.100/forwarding.",
      ),
    value: z
      .union([
        z
          .string()
          .min(1)
          .max(1024)
          .regex(/^[^\n\0]*$/, "one line"),
        z.int(),
      ])
      .transform((value) => plainValue(String(value)))
      .describe("What it should be; several numbers are separated by blanks."),
    persist: z.boolean().default(true).describe("Keep it in a file below /etc/sysctl.d."),
    ignoreMissing: z
      .boolean()
      .default(false)
      .describe("Where this kernel has no such parameter, keep the file and leave it at that."),
  }),
  claims: ({ key }) => [`sysctl:${slashed(key)}`, `file:${fileFor(key)}`],

  async check(want, host) {
    const live = await host.kernel.parameter(slashed(want.key));
    if (live === undefined && !want.ignoreMissing) throw missing(want.key);
    if (want.persist) await assertLastWord(want, host);
    const is = {
      value: live === undefined ? undefined : plainValue(live),
      file: await readIfThere(host.files, fileFor(want.key)),
    };
    return diff(is, {
      value: live === undefined ? undefined : want.value,
      file: want.persist ? fileText(want) : undefined,
    });
  },

  async apply({ value, file }, { key }, { kernel, files }) {
    // The live value first: a kernel that refuses it must not find it again at the next boot.
    if (value) await kernel.setParameter(slashed(key), value.to);
    if (file) await writeBelow(files, fileFor(key), file.to);
  },

  examples: [
    {
      title: "packets are forwarded",
      key: "net.ipv4.ip_forward",
      params: { value: 1 },
      given: { kernel: { parameters: { "net/ipv4/ip_forward": "0" } } },
    },
    {
      title: "three numbers, which the kernel separates by tabs",
      key: "net.ipv4.tcp_rmem",
      params: { value: "4096 131072 6291456" },
      given: { kernel: { parameters: { "net/ipv4/tcp_rmem": "4096\t131072\t1000000" } } },
    },
    {
      title: "an interface with a dot in its name",
      key: "net/ipv4/conf/eth0.100/forwarding",
      params: { value: "1" },
      given: { kernel: { parameters: { "net/ipv4/conf/eth0.100/forwarding": "0" } } },
    },
    {
      title: "a parameter that not every kernel has",
      key: "net.netfilter.nf_conntrack_max",
      params: { value: 262144, ignoreMissing: true },
    },
  ],
});

const fileText = ({ key, value }: Want): string => managedText(`${written(key)} = ${value}\n`);

/** A file that is read after ours would undo it at the next boot, however right everything looks today. */
async function assertLastWord({ key, value }: Want, { files }: ReadHost): Promise<void> {
  const last = await lastSetting(key, files);
  if (!last || last.file === fileFor(key) || last.value === value) return;
  if (nameOf(last.file) < nameOf(fileFor(key))) return;
  throw new BomaError(
    "state/blocked",
    `${last.file} sets ${written(key)} to ${last.value}, and is read after ${fileFor(key)}`,
    { hint: "Remove that line, or declare the same value." },
  );
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const missing = (key: string): BomaError =>
  new BomaError("state/unsupported", `this kernel has no parameter ${written(key)}`, {
    hint: "Some come with a module: require the kernel.module that brings it. `ignoreMissing` accepts it.",
  });
