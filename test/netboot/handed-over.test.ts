/**
 * Goal: iPXE that belongs to another server comes to our boot service by the files below `examples/provisioners`, and is
 * told there whether it may boot.
 * Method: iPXE itself, in a machine of the emulator; the servers of others are not run here: their scripts are written as
 * their documentation says.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, expect, test } from "vitest";

import { readExtra } from "../../packages/master/src/netboot/nocloud.ts";
import { BootLan, HOST } from "../support/netboot/boot-lan.ts";
import { putImage } from "../support/netboot/small-image.ts";

const example = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../examples/provisioners/${name}`, import.meta.url)), "utf8");
const mapping = (name: string) => readExtra(example(name), name);
/** The address that stands in the examples. */
const OURS = "http://10.77.0.1:8080";

const made = new AsyncDisposableStack();
let lan: BootLan;
beforeAll(async () => {
  lan = made.use(await BootLan.start());
  putImage(lan.fleet.home);
  await lan.serve("--address", "0.0.0.0");
});
afterAll(() => made.disposeAsync());

/** A server that knows nothing but this script; gives its address as the machine sees it. */
async function serving(script: string): Promise<string> {
  const server = createServer((_, response) => response.end(script));
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  made.defer(() => void server.close());
  return `http://${HOST}:${(server.address() as AddressInfo).port}/start`;
}

/** It may not boot: what it prints then comes from our service, and has its own address in it. */
async function expectHandedOver(mac: string, script: string): Promise<void> {
  const bootfile = await serving(script.replaceAll(OURS, `http://${HOST}:${lan.httpPort}`));
  await using machine = await lan.machine({ arch: "amd64", mac, bootfile, memoryMiB: 256 });
  await machine.line(new RegExp(`boma: ${mac} does not boot: no boot window is open`));
  await lan.fleet.event("netboot.refused", ({ data }) => data["mac"] === mac);
}

interface Mapped {
  readonly script: { readonly name: string; readonly params: Readonly<Record<string, string>> };
}

test("Shoelaces' mapping names the template that is beside it and gives it all that it asks for, and iPXE goes on to the boot service", async () => {
  const maps = mapping("shoelaces/mappings.yaml") as Record<string, readonly Mapped[]>;
  expect(Object.keys(maps).toSorted()).toEqual(["hostnameMaps", "networkMaps"]);
  const mapped = Object.values(maps).flat();
  expect(mapped).toHaveLength(2);
  const [first, ...lines] = example("shoelaces/ipxe/boma.ipxe.slc").trimEnd().split("\n");
  for (const { script } of mapped) {
    expect(first).toBe(`{{define "${script.name}" -}}`);
    // Shoelaces gives the name of the machine by itself.
    const params: Readonly<Record<string, string>> = { ...script.params, hostname: "52-54-00-00-71-01" };
    expect(lines.pop()).toBe("{{end}}");
    const text = lines.join("\n").replaceAll(/\{\{\.(\w+)\}\}/g, (_, name: string) => params[name]!);
    expect(text).not.toMatch(/\{\{|undefined/);
    lines.push("{{end}}");
    if (script === mapped[0]!.script) await expectHandedOver("52:54:00:00:71:01", `${text}\n`);
  }
});

test("the address in Tinkerbell's hardware is one that iPXE goes on from to the boot service, as Smee chains to it", async () => {
  const { spec } = mapping("tinkerbell/hardware.yaml") as unknown as {
    readonly spec: {
      readonly interfaces: readonly [
        { readonly netboot: { readonly allowPXE: boolean; readonly ipxe: { readonly url: string } } },
      ];
    };
  };
  const { allowPXE, ipxe } = spec.interfaces[0].netboot;
  expect(allowPXE).toBe(true);
  await expectHandedOver("52:54:00:00:71:02", `#!ipxe\nchain --autofree ${ipxe.url}\n`);
});
