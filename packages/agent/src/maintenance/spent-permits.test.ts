/** Tokens of the master: which hold here, and that each is used once, whatever happens after. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { newJobId, newSigningKey, type PermitBody, sameBytes, signPermit } from "@boma/protocol";
import { expect, onTestFinished, test } from "vitest";

import { temporaryDirectory } from "../testing/support.ts";
import { SpentPermits } from "./spent-permits.ts";

const NOW = Date.UTC(2026, 10, 21);
const NODE = `U${"A".repeat(55)}`;
const master = newSigningKey();

const body = (change: Partial<PermitBody> = {}): PermitBody => ({
  id: "0123456789abcdef".repeat(2),
  action: "disk.wipe",
  resource: "/dev/disk/by-id/wwn-1",
  digest: "a".repeat(64),
  serial: "S1",
  bytes: 1000,
  operator: "alice",
  reason: "a new OSD",
  job: newJobId(),
  ...change,
});

const token = (change: Partial<PermitBody> = {}, { key = master, node = NODE, expires = NOW + 1000 } = {}) =>
  signPermit(body(change), { node, key, now: NOW - 1000, expires });

async function permits({ known = true, now = NOW } = {}) {
  const dir = await temporaryDirectory();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const path = join(dir.path, "permits.json");
  const open = (): SpentPermits =>
    new SpentPermits({
      path,
      durable: false,
      time: { known, now: () => now },
      trusts: (sender) => sameBytes(sender, master.publicKey),
      node: () => NODE,
    });
  return { path, open };
}

test("one that the master signed for this node says what it allows", async () => {
  const { open } = await permits();
  expect(await open().open(token(), "disk.wipe")).toMatchObject({
    resource: "/dev/disk/by-id/wwn-1",
    operator: "alice",
    expires: NOW + 1000,
  });
});

const edited = (text: string): string => {
  const at = text.length - 40;
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
};

test.each<[why: string, token: string, says: string]>([
  ["was edited", edited(token()), "signature"],
  ["was signed by somebody else", token({}, { key: newSigningKey() }), "not trusted"],
  ["is for another node", token({}, { node: `U${"B".repeat(55)}` }), "meant for"],
  ["has expired", token({}, { expires: NOW - 1 }), "expired"],
  ["is for another action", token({ action: "pool.destroy" }), "pool.destroy"],
  ["is no token", "boma-permit-", "do not begin"],
  ["is something else", "hunter2", "boma-permit-"],
])("one that %s is refused", async (_why, text, says) => {
  const { open } = await permits();
  await expect(open().open(text, "disk.wipe")).rejects.toMatchObject({
    code: "permit/refused",
    message: expect.stringContaining(says) as string,
  });
});

test("none holds on a node that does not know the time by which it ends", async () => {
  const { open } = await permits({ known: false });
  await expect(open().open(token(), "disk.wipe")).rejects.toThrow("master's time");
});

test("one that was spent is refused by the next process too, and another one is not", async () => {
  const { open } = await permits();
  const first = open();
  await first.spend(await first.open(token(), "disk.wipe"));
  const next = open();
  await expect(next.open(token(), "disk.wipe")).rejects.toThrow("is spent");
  await expect(next.open(token({ id: "f".repeat(32) }), "disk.wipe")).resolves.toBeDefined();
});

test("of two jobs with one token that come at once, one has it", async () => {
  const { open } = await permits();
  const own = open();
  const permit = await own.open(token(), "disk.wipe");
  const ends = await Promise.allSettled([own.spend(permit), own.spend(permit)]);
  expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
});

test("where nobody can tell any more which were spent, none holds", async () => {
  const { open, path } = await permits();
  await writeFile(path, '{"0123');
  await expect(open().open(token(), "disk.wipe")).rejects.toMatchObject({
    code: "permit/refused",
    message: expect.stringContaining(path) as string,
  });
});
