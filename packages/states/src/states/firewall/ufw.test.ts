/** Goal: whoever has ufw is told what it lets in, and is without a firewall at no moment of the change to this one. */
import { expect, test } from "vitest";

import { readHost } from "../../host/host.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { tryState } from "../../testing/try-state.ts";
import { examples } from "./examples.ts";
import filter from "./filter.ts";
import { undoOf } from "./kernel-table.ts";

const { given, params } = examples[0]!;
const CONF = "/etc/ufw/ufw.conf";
const machine = () =>
  memoryHost({
    ...given,
    files: { ...given.files, "/etc/ufw": { directory: true }, [CONF]: "ENABLED=yes\n" },
    commands: {
      ...given.commands,
      "/usr/sbin/ufw show added": {
        stdout:
          "Added user rules (see 'ufw status' for running firewall):\nufw allow 22/tcp\nufw allow 8080\n",
      },
      "/usr/sbin/ufw disable": { makes: { [CONF]: "ENABLED=no\n" } },
    },
  });

test("it is refused with its own rules, so that they can be declared", async () => {
  await expect(tryState(filter, "node", params, machine())).rejects.toThrow(
    /ufw is at work here, and says: allow 22\/tcp; allow 8080\..*`ufw: "migrate"`/,
  );
});

test("it is switched off when our rules are loaded and kept, not before", async () => {
  const { changes, left, log } = await tryState(filter, "node", { ...params, ufw: "migrate" }, machine());
  expect(changes).toMatchObject({ ufw: { from: "on", to: "off" } });
  expect(left).toEqual({});
  const at = (...words: string[]): number =>
    log.findIndex((line) => words.every((word) => line.includes(word)));
  const off = at("commands.must", "ufw", "disable");
  expect(off).toBe(log.length - 1);
  expect(at("commands.must", "nft", "-f")).toBeGreaterThan(-1);
  expect(at("files.write", "boma.nft")).toBeGreaterThan(-1);
});

test("it is on again where our rules are taken back", async () => {
  const host = readHost(machine().ports);
  expect((await undoOf(host, { ufw: "migrate" })).commands).toContainEqual([
    "/usr/sbin/ufw",
    "--force",
    "enable",
  ]);
  expect((await undoOf(host, { ufw: "refuse" })).commands.flat()).not.toContain("/usr/sbin/ufw");
});
