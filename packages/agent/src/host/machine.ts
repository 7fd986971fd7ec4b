/** The machine as a whole, by way of /proc, /run and systemd. */
import { readdir, readFile, stat } from "node:fs/promises";
import { uptime } from "node:os";

import { BomaError } from "@boma/protocol";
import type { Commands, Machine, Port, ReadMachine, Reboot } from "@boma/states/core";

import type { CallSession } from "./hosts.ts";
import { newestKernel } from "./kernel-versions.ts";
import type { Tools } from "./tools.ts";

const ASKED = "/run/reboot-required";
const UNIT = "boma-reboot";
/** A machine that is up all this time after it was told to boot will not do it any more. */
const GOING_DOWN_MS = 15 * 60_000;
const PACKAGES_MAX = 20;

export function realMachine({ session, commands }: Tools): Port<ReadMachine, Machine> {
  const read: ReadMachine = {
    hostname: () => word("/proc/sys/kernel/hostname"),
    bootId: () => word("/proc/sys/kernel/random/boot_id"),
    uptimeMs: async () => Math.round(uptime() * 1000),
    kernelRelease: () => word("/proc/sys/kernel/osrelease"),
    async rebootReasons() {
      return [...(await askedFor()), ...(await newerKernel())];
    },
    async locales() {
      const { stdout } = await commands.read({ argv: ["locale", "-a"] });
      return stdout.split("\n").filter((line) => line !== "");
    },
  };
  const write: Machine = {
    ...read,
    setHostname: (name) => setHostname(name, commands),
    // A long list takes minutes.
    generateLocales: async () => void (await commands.must({ argv: ["locale-gen"], timeoutMs: 30 * 60_000 })),
    async reboot(reboot) {
      await schedule(reboot, commands);
      await goingDown(session, reboot.delayMs + GOING_DOWN_MS);
    },
  };
  return { read, write };
}

const word = async (path: string): Promise<string> => (await readFile(path, "utf8")).trim();

const hasSystemd = (): Promise<boolean> =>
  stat("/run/systemd/system").then(
    () => true,
    () => false,
  );

/** With the hour: the same package may ask again later, and that is another reason. */
async function askedFor(): Promise<string[]> {
  const asked = await stat(ASKED).catch(() => undefined);
  if (!asked) return [];
  const list = await readFile(`${ASKED}.pkgs`, "utf8").catch(() => "");
  const names = [...new Set(list.split("\n").filter((line) => line !== ""))];
  const who = names.length === 0 ? "the system asks" : `${names.slice(0, PACKAGES_MAX).join(", ")} asked`;
  return [`${who} for it at ${asked.mtime.toISOString()}`];
}

async function newerKernel(): Promise<string[]> {
  const images = await readdir("/boot").catch(() => []);
  const running = await word("/proc/sys/kernel/osrelease");
  const newest = newestKernel(images, running);
  return newest === undefined ? [] : [`kernel ${newest} is installed, and ${running} runs`];
}

async function setHostname(name: string, commands: Commands): Promise<void> {
  if (await hasSystemd()) {
    const { exitCode } = await commands.run({ argv: ["hostnamectl", "set-hostname", name], quiet: true });
    if (exitCode === 0 && (await word("/proc/sys/kernel/hostname")) === name) return;
  }
  await commands.must({ argv: ["hostname", name] });
}

/** Under a fixed name, so that a second order while the first one waits is the same order. */
async function schedule({ delayMs, reason }: Reboot, commands: Commands): Promise<void> {
  const seconds = Math.max(1, Math.ceil(delayMs / 1000));
  if (!(await hasSystemd())) {
    const minutes = Math.ceil(seconds / 60);
    await commands.must({ argv: ["shutdown", "-r", `+${minutes}`, reason] });
    return;
  }
  const timer = await commands.read({ argv: ["systemctl", "is-active", `${UNIT}.timer`] });
  if (timer.stdout.trim() === "active") return;
  const argv = ["systemd-run", `--unit=${UNIT}`, "--collect", `--on-active=${seconds}s`];
  await commands.must({
    argv: [...argv, "--timer-property=AccuracySec=100ms", "systemctl", "reboot", `--message=${reason}`],
  });
}

/** The caller is stopped with the machine: it never learns how this ends. */
function goingDown({ signal }: CallSession, afterMs: number): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason as Error);
  const timer = setTimeout(
    () =>
      reject(
        new BomaError("state/command-failed", "the machine was told to boot anew, and is still up", {
          hint: "`systemctl list-jobs` shows what its shutdown waits for.",
        }),
      ),
    afterMs,
  );
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  });
}
