/** What is known of a disk, what speaks against wiping it, and that it is wiped only as it was shown. */
import type { Permit } from "@boma/protocol";
import { expect, test } from "vitest";

import type { Call } from "../../define-function.ts";
import type { FunctionHost } from "../../function-host.ts";
import { writeHost } from "../../host/host.ts";
import type { Given, GivenDevice } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { evidenceOf } from "./disk-evidence.ts";
import wipe from "./wipe.ts";

const NAME = "/dev/disk/by-id/wwn-1";
const DISK: GivenDevice = { bytes: 1000, serial: "S1", wwn: "0x1", links: [NAME], signatures: ["gpt"] };

const given = (disk: Partial<GivenDevice> = {}, more: Given = {}): Given => ({
  ...more,
  devices: { "/dev/sda": { ...DISK, ...disk }, ...more.devices },
});
const look = (of: Given) => evidenceOf(NAME, writeHost(memoryHost(of).ports));

/** A call on a machine of memory, with a token for what was shown before. */
async function wiping(shown: Given, now: Given = shown, change: Partial<Permit> = {}) {
  const { digest, serial, bytes } = await look(shown);
  const permit = { resource: NAME, digest, serial, bytes, id: "p", ...change } as Permit;
  const { ports, log } = memoryHost(now);
  const permits: FunctionHost["permits"] = {
    open: async () => permit,
    spend: async () => void log.push("spent"),
  };
  const host = { ...writeHost(ports), permits } as FunctionHost;
  const call = { host, line: () => undefined } as unknown as Call;
  const run = () => wipe.run({ device: NAME, token: "t", whole: false }, call);
  return { run, log };
}

test("a disk that is as it was shown is wiped, and its token is spent before that begins", async () => {
  const part = { "/dev/sda1": { bytes: 500, type: "part", parent: "/dev/sda", filesystem: "ext4" } };
  const disk = given({ children: ["/dev/sda1"] }, { devices: part });
  const { run, log } = await wiping(disk);
  expect(await run()).toMatchObject({ device: NAME, path: "/dev/sda", serial: "S1" });
  expect(log[0]).toBe("spent");
  expect(log[1]).toMatch(/^storage\.wipe \/dev\/sda .*sda1/);
});

test.each<[what: string, now: Partial<GivenDevice>, says: string]>([
  ["another serial number", { serial: "S2" }, "serial number S2"],
  ["another size", { bytes: 2000 }, "2000 bytes"],
  ["another WWN", { wwn: "0x2" }, "what is on it has changed"],
  ["a filesystem that was not there", { filesystem: "ext4", uuid: "u" }, "what is on it has changed"],
  ["fewer signatures", { signatures: [] }, "what is on it has changed"],
])("one with %s is left as it is, and its token is not spent", async (_what, now, says) => {
  const { run, log } = await wiping(given(), given(now));
  await expect(run()).rejects.toMatchObject({
    code: "permit/evidence",
    message: expect.stringContaining(says) as string,
  });
  expect(log).toEqual([]);
});

const FSTAB = (line: string): Given => ({ files: { "/etc/fstab": `${line}\n` } });

test.each<[why: string, disk: Given, says: string]>([
  ["mounted", given({ mountpoints: ["/"] }), "in use at /"],
  ["swap", given({ mountpoints: ["[SWAP]"] }), "[SWAP]"],
  ["held", given({ held: true }), "has it in use"],
  ["read-only", given({ readOnly: true }), "only be read"],
  ["a partition", given({ type: "part", parent: "/dev/sdb" }), "no whole disk"],
  ["nameless", given({ serial: undefined as never, wwn: undefined as never }), "no serial number"],
  ["in fstab", given({}, FSTAB("/dev/sda /data ext4 defaults 0 0")), "/data"],
  [
    "in fstab by its id",
    given({ filesystem: "ext4", uuid: "U-1" }, FSTAB("UUID=U-1 /srv ext4 defaults 0 0")),
    "/srv",
  ],
  [
    "of a volume group",
    given({}, { volumeGroups: { data: { devices: ["/dev/sda"] } } }),
    "volume group data",
  ],
])("one that is %s is wiped by no token", async (_why, disk, says) => {
  expect((await look(disk)).objections.join("; ")).toContain(says);
  const { run, log } = await wiping(disk);
  await expect(run()).rejects.toMatchObject({ code: "permit/evidence" });
  expect(log).toEqual([]);
});

test("a token for another device is refused", async () => {
  const { run } = await wiping(given(), given(), { resource: "/dev/disk/by-id/wwn-2" });
  await expect(run()).rejects.toMatchObject({ code: "permit/refused" });
});

test("neither a schedule nor a reactor may ever run it", () => {
  expect(wipe.attended).toBe(true);
});
