/** The parts of an OSD that do not depend on what it keeps its data on: its id, its directory, its unit. */
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { BomaError, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import type { ReadServices } from "../../host/services.ts";
import { assertUp, instanceOf, isEnabled, starting } from "../service/unit.ts";
import { ask, type As, heard, tell } from "./ask.ts";
import { AS_GIVEN, keepDirectory, keepFile, type KeptFile, lookAtFile } from "./kept-file.ts";
import { keyringText } from "./keyring.ts";
import { ADMIN_KEYRING, BOOTSTRAP_KEYRING, CEPH } from "./parameters.ts";
import { OsdDump } from "./reports.ts";

export const OSD_DIR = "/var/lib/ceph/osd";
export const dirOf = (id: number): string => `${OSD_DIR}/ceph-${id}`;
const unitOf = (id: number): string => `ceph-osd@${id}.service`;

/** The same disk of the same cluster has the same id, whoever asks and however often he was killed. */
export function uuidOf(...parts: readonly (string | number)[]): string {
  const hex = createHash("sha256")
    .update(JSON.stringify(["boma ceph osd", ...parts]))
    .digest("hex");
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join("-");
}

/** New disks are announced with a key that can do nothing else, where the machine has it. */
async function announcer({ files }: Pick<ReadHost, "files">): Promise<As | undefined> {
  if (await files.stat(ADMIN_KEYRING)) return undefined;
  return { name: "client.bootstrap-osd", keyring: BOOTSTRAP_KEYRING };
}

/**
 * Throws where an empty disk is known to the cluster as one that held data: to make it anew under the same id would
 * let the cluster believe that it has what is lost.
 */
export async function assertNotLost(uuid: string, what: string, host: ReadHost): Promise<void> {
  const asked = await ask(host.commands, "osd dump", OsdDump, await announcer(host));
  if (!("said" in asked)) return;
  const known = asked.said.osds.find((osd) => osd.uuid === uuid);
  if (!known || (known.up_from === 0 && known.state.includes("new"))) return;
  throw new BomaError("state/blocked", `${what} is empty, though the cluster knows it as osd.${known.osd}`, {
    hint: `If what it held is lost: \`ceph osd purge ${known.osd} --yes-i-really-mean-it\`, then apply again.`,
  });
}

const Announced = z.object({ osdid: z.int().min(0) });

/** Gets its number from the cluster: the same one each time. */
export async function announce(uuid: string, key: string, host: Host): Promise<number> {
  const stdin = JSON.stringify({ cephx_secret: key });
  const said = await tell(host.commands, `osd new ${uuid} -i -`, {
    stdin,
    ...asOption(await announcer(host)),
  });
  const read = Announced.safeParse(JSON.parse(said));
  if (read.success) return read.data.osdid;
  throw new BomaError("ceph/silent", "the Ceph cluster gave no number for a new disk");
}

const asOption = (as: As | undefined): { as?: As } => (as ? { as } : {});

/** An OSD that has its number. */
export interface Osd {
  readonly id: number;
  readonly uuid: string;
  readonly key: string;
  /** What its data is on, where that is not a file of its own in its directory. */
  readonly device?: string | undefined;
}

export interface HomeProperties {
  keyring: string;
  block: string;
  dropin: string;
  enabled: boolean;
  active: string;
}

const keyringOf = ({ id, key }: Osd): KeptFile => ({
  path: `${dirOf(id)}/keyring`,
  text: keyringText({ entity: `osd.${id}`, key }),
  mode: "0600",
  ...CEPH,
});

/** The kernel gives a disk to root at each boot. */
const dropinOf = ({ id, device }: Osd): KeptFile | undefined =>
  device === undefined
    ? undefined
    : {
        path: `/etc/systemd/system/${unitOf(id)}.d/boma.conf`,
        text: `[Service]\nExecStartPre=/bin/chown ceph:ceph ${device}\n`,
        mode: "0644",
        owner: "root",
        group: "root",
      };

export async function lookAtHome(osd: Osd, host: ReadHost): Promise<Changes<HomeProperties>> {
  const { files, services } = host;
  const block = `${dirOf(osd.id)}/block`;
  const linked = osd.device !== undefined && (await files.stat(block))?.type === "link";
  const dropin = dropinOf(osd);
  const status = await services.status(unitOf(osd.id));
  return diff<HomeProperties>(
    {
      keyring: await lookAtFile(files, keyringOf(osd)),
      block: linked ? await files.readLink(block) : undefined,
      dropin: dropin && (await lookAtFile(files, dropin)),
      enabled: isEnabled(status, true),
      active: status.active,
    },
    {
      keyring: AS_GIVEN,
      block: osd.device!,
      dropin: (dropin && AS_GIVEN)!,
      enabled: true,
      active: "active",
    },
  );
}

/** All that `ceph-osd --mkfs` has to find. */
export async function furnish(osd: Osd, { files, commands }: Host): Promise<void> {
  const dir = dirOf(osd.id);
  await keepDirectory(files, dir, { ...CEPH, mode: "0750" });
  await keepFile(files, keyringOf(osd));
  if (osd.device === undefined) return;
  await files.link(`${dir}/block`, osd.device);
  await files.chown(`${dir}/block`, CEPH);
  await commands.must({ argv: ["chown", "ceph:ceph", osd.device] });
}

const MKFS_MS = 10 * 60_000;

export async function makeStore(osd: Osd, { commands }: Host, more: readonly string[] = []): Promise<void> {
  const ids = ["-i", String(osd.id), "--osd-uuid", osd.uuid, "--osd-objectstore", "bluestore"];
  const argv = ["ceph-osd", "--mkfs", ...ids, ...more, "--setuser", "ceph", "--setgroup", "ceph"];
  await commands.must({ argv, quiet: true, timeoutMs: MKFS_MS });
}

const STABLE_MS = parseDuration("3s");
/** It reads its disk before it tells the monitors that it is there. */
const COUNTED_MS_MAX = parseDuration("2m");
const LOOK_MS = 1000;

export async function start(osd: Osd, { files, services }: Host): Promise<void> {
  const dropin = dropinOf(osd);
  if (dropin && (await lookAtFile(files, dropin)) !== AS_GIVEN) {
    await keepFile(files, dropin);
    await services.daemonReload();
  }
  const unit = unitOf(osd.id);
  const before = await services.status(unit);
  if (before.enabled !== "enabled") await services.enable(unit);
  if (before.active === "failed") await services.resetFailed(unit);
  if (before.active !== "active") await starting(services, unit, () => services.start(unit));
  await assertUp(services, await services.status(unit), STABLE_MS);
}

/** Which start of it runs, for whoever asks whether it was restarted. */
export const instance = ({ id }: Pick<Osd, "id">, services: ReadServices): Promise<string | undefined> =>
  instanceOf(services, unitOf(id));

/** A process that runs is not yet a disk that the cluster counts on: the monitors say when it is. */
export async function restart(osd: Pick<Osd, "id">, host: Host): Promise<void> {
  const unit = unitOf(osd.id);
  await starting(host.services, unit, () => host.services.restart(unit));
  await assertUp(host.services, await host.services.status(unit), STABLE_MS);
  const endsAt = performance.now() + COUNTED_MS_MAX;
  for (;;) {
    const asked = await ask(host.commands, "osd dump", OsdDump, await announcer(host));
    if ("said" in asked && asked.said.osds.some((one) => one.osd === osd.id && one.up === 1)) return;
    if (performance.now() >= endsAt) {
      heard(asked);
      throw new BomaError(
        "service/unstable",
        `${unit} runs, and the monitors do not count osd.${osd.id} as up`,
      );
    }
    await pause(LOOK_MS);
  }
}
