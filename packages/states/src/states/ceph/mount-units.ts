/**
 * What systemd is told of a mount beside its line in fstab. A cluster that was switched on may take longer than the
 * machine that mounts it, and a mount that fails at boot is not tried again: here a service does that, until the mount
 * is there or is stopped.
 */
import type { ReadFiles } from "../../host/files.ts";
import { managedText, readIfThere } from "../owned-file.ts";

const AGAIN_SECONDS = 5;

export interface UnitFile {
  readonly path: string;
  readonly text: string;
}

/** What systemd calls a mount: dashes for slashes, and other marks by their numbers. */
export const mountUnitOf = (path: string): string => `${escaped(path)}.mount`;

const escaped = (path: string): string =>
  path
    .slice(1)
    .replace(/[^A-Za-z0-9:_./]|^\./g, (mark) =>
      Array.from(Buffer.from(mark), (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(""),
    )
    .replaceAll("/", "-");

export function unitFilesOf(path: string): readonly UnitFile[] {
  const mount = mountUnitOf(path);
  const service = `boma-mount-${escaped(path)}.service`;
  const again = [
    "[Unit]",
    `Description=Mounts ${path} as soon as its filesystem is there`,
    `PartOf=${mount}`,
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=oneshot",
    // The words of a command are read as C writes them.
    `ExecStart=/usr/bin/systemctl start ${mount.replaceAll("\\", "\\\\")}`,
    "Restart=on-failure",
    `RestartSec=${AGAIN_SECONDS}`,
    "",
  ];
  return [
    { path: `/etc/systemd/system/${service}`, text: managedText(again.join("\n")) },
    {
      path: `/etc/systemd/system/${mount}.d/boma.conf`,
      text: managedText(`[Unit]\nOnFailure=${service}\n`),
    },
  ];
}

/** All of them as they are, to be compared with how they should be. */
export async function unitTexts(units: readonly UnitFile[], files: ReadFiles): Promise<string | undefined> {
  const texts = await Promise.all(units.map(({ path }) => readIfThere(files, path)));
  return texts.every((text) => text === undefined) ? undefined : texts.join("");
}

export const wantedTexts = (units: readonly UnitFile[]): string => units.map(({ text }) => text).join("");
