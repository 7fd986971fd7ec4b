/**
 * Goal: the boot service serves for months: what it shows the bus is exchanged before it ends, in its file as well.
 * Method: the real boot service with a credential that holds for seconds; the bus itself hangs up on it when they are over.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { credentialEnd } from "@boma/protocol";
import { expect, test } from "vitest";

import { issueOperatorCredential, parseBusTrust } from "../../packages/master/src/bus/trust.ts";
import { homeAt } from "../../packages/master/src/home.ts";
import { readOperatorFile, writeOperatorFile } from "../../packages/master/src/operator-file.ts";
import { Fleet } from "../support/fleet.ts";
import { putImage } from "../support/netboot/small-image.ts";

const HOLDS_MS = 8_000;
const DAY_MS = 24 * 3_600_000;
const POLL = { timeout: 60_000, interval: 250 };

test("a boot service whose credential is about to end gets the next one, and goes on when the old one has ended", async () => {
  await using fleet = await Fleet.start();
  const home = homeAt(fleet.home);
  const file = join(fleet.dir, "boot.json");
  await fleet.ok("operator", "add", "boot", "--netboot", "--out", file);
  const operator = readOperatorFile(home, file);
  const trust = parseBusTrust(readFileSync(join(home.keys, "bus.json"), "utf8"));
  const who = { name: "boot", publicKey: operator.user.publicKey };
  const credential = await issueOperatorCredential(trust, who, HOLDS_MS);
  writeOperatorFile(file, { ...operator, credential });
  putImage(fleet.home);
  const words = ["--http-port", "0", "--no-tftp", "--operator", file, "--json"];
  await using service = fleet.spawn("netboot", "serve", ...words);
  const { httpPort } = JSON.parse(await service.line(/"ready":true/)) as { httpPort: number };
  const leftMs = () => credentialEnd(readOperatorFile(home, file).credential) - Date.now();
  await expect.poll(leftMs, POLL).toBeGreaterThan(15 * DAY_MS);
  await expect.poll(() => Date.now() > credentialEnd(credential), POLL).toBe(true);
  const script = async () =>
    (await fetch(`http://127.0.0.1:${httpPort}/script?mac=52:54:00:00:00:01&arch=x86_64`)).text();
  // Asked of the master: what it says can only come over the bus.
  await expect.poll(script, POLL).toMatch(/no boot window is open/);
});
