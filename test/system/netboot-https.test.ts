// Goal: a machine whose loader believes a certificate fetches everything over TLS, and what it is told leads it nowhere else.
// Method: a real master, the real boot service with a certificate that the test made, and a client that believes nothing but it.
import { readFileSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, expect, test } from "vitest";

import { createCa, issueServerCertificate } from "../../packages/master/src/bus/tls.ts";
import { Fleet } from "../support/fleet.ts";
import { putImage } from "../support/netboot/small-image.ts";
import type { TestProcess } from "../support/process.ts";

const HERE = { dns: [], ips: ["127.0.0.1"] };
const MAC = "52:54:00:00:99:01";
let fleet: Fleet;
let service: TestProcess;
let ca = "";
let port = 0;
const at = (name: string): string => join(fleet.dir, name);

beforeAll(async () => {
  fleet = await Fleet.start();
  putImage(fleet.home);
  await fleet.ok("operator", "add", "boot", "--netboot", "--out", at("boot.json"));
  const authority = await createCa();
  const made = await issueServerCertificate(authority, HERE);
  ca = authority.certificate;
  writeFileSync(at("boot.crt"), made.certificate);
  writeFileSync(at("boot.key"), made.privateKey, { mode: 0o600 });
  writeFileSync(at("boma-agent_1.0.0_amd64.deb"), "a package");
  const ports = ["--http-port", "0", "--https-port", "0", "--no-tftp", "--packages", fleet.dir];
  const tls = ["--tls-cert", at("boot.crt"), "--tls-key", at("boot.key")];
  service = fleet.spawn("netboot", "serve", ...ports, ...tls, "--operator", at("boot.json"), "--json");
  port = (JSON.parse(await service.line(/"ready":true/)) as { httpsPort: number }).httpsPort;
});
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
});

const fetched = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = get(
      { host: "127.0.0.1", port, path, ca },
      (answer) => void text(answer).then(resolve, reject),
    );
    asked.on("error", reject);
  });

test("over TLS a machine is given its script, whose paths stay on the same server, and the image that is named there", async () => {
  await fleet.ok("netboot", "open", "--mac", MAC, "--env", "dev");
  const script = await fetched(`/script?mac=${MAC}&arch=x86_64`);
  expect(script).toMatch(/ boma\.token=bt_/);
  expect(script).not.toMatch(/https?:/);
  const [, initrd] = /^initrd --name initrd (\S+) /m.exec(script)!;
  expect(await fetched(initrd!)).toBe(readFileSync(join(fleet.home, "images/small/initrd"), "utf8"));
});

test("over TLS cloud-init is sent to the package over TLS as well", async () => {
  const data = await fetched(`/nocloud/${MAC}/user-data`);
  expect(data).toContain(`https://127.0.0.1:${port}/package`);
  expect(await fetched("/package/boma-agent_amd64.deb")).toBe("a package");
});

test("a certificate with somebody else's key is refused before anything is served", async () => {
  const other = await issueServerCertificate(await createCa(), HERE);
  writeFileSync(at("other.key"), other.privateKey, { mode: 0o600 });
  const tls = ["--tls-cert", at("boot.crt"), "--tls-key", at("other.key")];
  const { code, stderr } = await fleet.run("netboot", "serve", ...tls, "--operator", at("boot.json"));
  expect(code).toBe(2);
  expect(stderr).toMatch(/are no certificate and its key/);
});
