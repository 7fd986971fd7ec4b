import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ModuleStatus } from "../../host/kernel.ts";
import { managedText, readIfThere, writeBelow } from "../owned-file.ts";

interface Want {
  readonly name: string;
  readonly blacklist: boolean;
  readonly persist: boolean;
  readonly options?: Readonly<Record<string, string>> | undefined;
}

const LOADED: readonly ModuleStatus[] = ["loaded", "builtin"];

/** The kernel writes every name with underscores, whatever the file of the module is called. */
const kernelName = (name: string): string => name.replaceAll("-", "_");
const loadFile = (name: string): string => `/etc/modules-load.d/boma-${kernelName(name)}.conf`;
const optionsFile = (name: string): string => `/etc/modprobe.d/boma-${kernelName(name)}.conf`;

export default defineState({
  name: "kernel.module",
  summary: "A module of the kernel that is loaded, now and after every boot, or that never is.",
  key: "name",
  params: z.strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/i, "a module's name: br_netfilter")
      .describe("Its name; `-` and `_` are the same."),
    blacklist: z.boolean().default(false).describe("It must not be loaded: not now, and by nobody."),
    persist: z.boolean().default(true).describe("Load it at every boot."),
    options: z
      .record(z.string().regex(/^[a-z0-9_]+$/i), z.string().regex(/^[^\s"\0]+$/))
      .optional()
      .describe("Its parameters; a module that is in use takes them at the next boot."),
  }),
  claims: ({ name }) => [`module:${kernelName(name)}`, `file:${loadFile(name)}`, `file:${optionsFile(name)}`],

  async check(want, { kernel, files }) {
    const status = await kernel.module(kernelName(want.name));
    assertPossible(want, status);
    const is = {
      loaded: LOADED.includes(status),
      atBoot: (await readIfThere(files, loadFile(want.name))) ?? "",
      options: (await readIfThere(files, optionsFile(want.name))) ?? "",
    };
    return diff(is, {
      loaded: !want.blacklist,
      atBoot: bootText(want, status),
      options: optionsText(want),
    });
  },

  async apply({ loaded, atBoot, options }, { name }, { kernel, files }) {
    const keep = async (path: string, text: string): Promise<void> => {
      if (text === "") await files.remove(path);
      else await writeBelow(files, path, text);
    };
    // The options first: the module takes them when it is loaded.
    if (options) await keep(optionsFile(name), options.to);
    if (loaded?.to === true) await kernel.load(kernelName(name));
    if (loaded?.to === false) await kernel.unload(kernelName(name));
    if (atBoot) await keep(loadFile(name), atBoot.to);
  },

  examples: [
    {
      title: "a module for bridges",
      key: "br_netfilter",
      given: { kernel: { modules: { br_netfilter: "available" } } },
    },
    {
      title: "a module that the kernel has built in",
      key: "dm-mod",
      given: { kernel: { modules: { dm_mod: "builtin" } } },
    },
    {
      title: "a module with options",
      key: "nf_conntrack",
      params: { options: { hashsize: "65536" } },
      given: { kernel: { modules: { nf_conntrack: "available" } } },
    },
    {
      title: "a module that nobody may load",
      key: "usb-storage",
      params: { blacklist: true },
      given: {
        kernel: { modules: { usb_storage: "loaded" } },
        files: { "/etc/modules-load.d/boma-usb_storage.conf": "usb_storage\n" },
      },
    },
  ],
});

function assertPossible({ name, blacklist }: Want, status: ModuleStatus): void {
  if (status === "missing" && !blacklist)
    throw new BomaError("state/unsupported", `this kernel has no module ${name}`, {
      hint: "Modules are in the kernel's own package; a container cannot load any.",
    });
  if (status === "builtin" && blacklist)
    throw new BomaError("state/blocked", `${name} is built into this kernel, and cannot be kept out`);
}

/** What is built in is there at every boot without being asked for. */
const bootText = ({ name, blacklist, persist }: Want, status: ModuleStatus): string =>
  persist && !blacklist && status !== "builtin" ? managedText(`${kernelName(name)}\n`) : "";

function optionsText({ name, blacklist, options = {} }: Want): string {
  const module = kernelName(name);
  const words = Object.entries(options).map(([option, value]) => `${option}=${value}`);
  const lines = [
    // A blacklisted module is still loaded for another that needs it, unless its installation fails.
    ...(blacklist ? [`blacklist ${module}`, `install ${module} /bin/false`] : []),
    ...(words.length > 0 ? [`options ${module} ${words.join(" ")}`] : []),
  ];
  return lines.length === 0 ? "" : managedText(`${lines.join("\n")}\n`);
}
