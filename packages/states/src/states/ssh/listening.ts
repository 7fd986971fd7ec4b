/** How sshd comes to its port: by itself, or handed to it by ssh.socket; and how it takes on a new configuration. */
import { setTimeout as pause } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

import type { Host, ReadHost } from "../../host/host.ts";
import { NOTE } from "../owned-file.ts";
import { portsOf, type Want } from "./server-settings.ts";
import { DROP_IN } from "./sshd-config.ts";

export const SERVICE = "ssh.service";
export const SOCKET = "ssh.socket";
const SOCKET_DIR = `/etc/systemd/system/${SOCKET}.d`;
export const SOCKET_DROP_IN = `${SOCKET_DIR}/boma.conf`;
const PID_FILE = "/run/sshd.pid";

const TRIES_MAX = 40;
const TRY_AGAIN_MS = 250;

export interface Listening {
  readonly bySocket: boolean;
  readonly runs: boolean;
}

export async function listeningOf({ services }: ReadHost): Promise<Listening> {
  const [socket, service] = [await services.status(SOCKET), await services.status(SERVICE)];
  return {
    bySocket: socket.load === "loaded" && (socket.active === "active" || socket.enabled === "enabled"),
    runs: service.active === "active" || service.active === "reloading",
  };
}

/** With a socket, Port and ListenAddress of sshd are not what counts. */
export function socketText(want: Want): string {
  const places = want.addresses ?? [];
  const at = (port: number): string[] =>
    places.length === 0
      ? [String(port)]
      : places.map((one) => `${one.includes(":") ? `[${one}]` : one}:${port}`);
  const streams = portsOf(want).flatMap(at);
  return `${NOTE}[Socket]\n${["", ...streams].map((stream) => `ListenStream=${stream}\n`).join("")}`;
}

/** Whether what runs knows what is on the disk: a run that was killed in between is finished by the next one. */
export async function hasRead(want: Want, host: ReadHost, listening: Listening): Promise<boolean> {
  return listening.bySocket ? listens(want, host) : isOlderThanPid(host, listening);
}

/** sshd writes its pid anew whenever it has read its configuration: what is younger than that it has not read. */
async function isOlderThanPid({ files }: ReadHost, { runs }: Listening): Promise<boolean> {
  const [own, pid] = [await files.stat(DROP_IN), await files.stat(PID_FILE)];
  return !runs || !own || !pid || pid.mtimeMs >= own.mtimeMs;
}

async function listens(want: Want, { commands }: ReadHost): Promise<boolean> {
  const { exitCode, stdout } = await commands.read({ argv: ["ss", "-Hltn"] });
  const places = stdout.split("\n").map((line) => line.trim().split(/\s+/)[3] ?? "");
  return exitCode !== 0 || portsOf(want).every((port) => places.some((place) => place.endsWith(`:${port}`)));
}

/** Sessions go on: nothing but the listener is new. */
export async function takeOn(host: Host, socketChanged: boolean): Promise<void> {
  const { services, files } = host;
  const listening = await listeningOf(host);
  if (socketChanged && listening.bySocket) {
    await services.daemonReload();
    // A socket does not start while what it starts is up. Sessions are left alone by that.
    if (listening.runs) await services.stop(SERVICE);
    await services.restart(SOCKET);
    return;
  }
  if (!listening.runs) return;
  const had = await files.stat(PID_FILE);
  await services.reload(SERVICE);
  await until(
    async () =>
      !had || ((await files.stat(PID_FILE)) !== undefined && (await isOlderThanPid(host, listening))),
  );
}

/** A new connection gets sshd's greeting at each port. */
export async function greets(want: Want, host: ReadHost): Promise<void> {
  const { bySocket, runs } = await listeningOf(host);
  if (!runs && !bySocket) return;
  const address = want.addresses?.find((one) => one !== "0.0.0.0" && one !== "::") ?? "127.0.0.1";
  for (const port of portsOf(want)) {
    const argv = ["ssh-keyscan", "-T", "5", "-p", String(port), address];
    const greeted = await until(async () => {
      const { stdout, stderr } = await host.commands.read({ argv });
      return `${stdout}${stderr}`.includes("SSH-2.0-");
    });
    if (!greeted)
      throw new BomaError("service/unstable", `sshd answers no new connection at ${address} port ${port}`, {
        hint: `\`journalctl -u ${SERVICE}\` on the node says why; sessions that are open still work.`,
      });
  }
}

async function until(isSo: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (await isSo()) return true;
    await pause(TRY_AGAIN_MS);
  }
  return false;
}
