/**
 * A machine of memory: every port that a state may use, without a machine. What
 * it is can be looked at; what was done to it is in `log`.
 */
import type { Port, Ports } from "../host/host.ts";
import type { Given } from "./given.ts";
import { memoryAccounts } from "./memory-accounts.ts";
import { memoryCommands } from "./memory-commands.ts";
import { memoryDhcp } from "./memory-dhcp.ts";
import { memoryDownloads } from "./memory-downloads.ts";
import { memoryDuties } from "./memory-duties.ts";
import { memoryFiles, type MemoryTree, memoryTree } from "./memory-files.ts";
import { memoryHttp } from "./memory-http.ts";
import { memoryKernel } from "./memory-kernel.ts";
import { memoryMachine } from "./memory-machine.ts";
import { memoryMounts } from "./memory-mounts.ts";
import { memoryPackages } from "./memory-packages.ts";
import { memoryServices } from "./memory-services.ts";
import { memoryStorage } from "./memory-storage.ts";

export interface MemoryHost {
  readonly ports: Ports;
  readonly tree: MemoryTree;
  /** Every call of a writing half, in order: `files.write /etc/motd`. */
  readonly log: string[];
}

export interface MemoryWorld {
  readonly given: Given;
  /** Ports that keep their truth in files share these. */
  readonly tree: MemoryTree;
}

export function memoryHost(given: Given = {}): MemoryHost {
  const tree = memoryTree(given.files);
  const world: MemoryWorld = { given, tree };
  const log: string[] = [];
  const ports: Ports = {
    files: memoryFiles(tree),
    commands: memoryCommands(world),
    packages: memoryPackages(world),
    services: memoryServices(world),
    accounts: memoryAccounts(world),
    kernel: memoryKernel(world),
    mounts: memoryMounts(world),
    machine: memoryMachine(world),
    downloads: memoryDownloads(world),
    storage: memoryStorage(world),
    duties: memoryDuties(world),
    http: memoryHttp(world),
    dhcp: memoryDhcp(given),
  };
  return { ports: recorded(ports, log), tree, log };
}

/** The same ports, with each call of a writing half written down before it is made. */
export function recorded(
  ports: Ports,
  log: string[],
  before: (call: string) => void = () => undefined,
): Ports {
  const watched = Object.entries(ports).map(([name, port]) => {
    const { read, write } = port as Port<object, object>;
    const calls = Object.entries(write as Record<string, (...args: unknown[]) => unknown>).map(
      ([method, call]) => [
        method,
        method in read
          ? call
          : (...args: unknown[]) => {
              const said = `${name}.${method} ${args.map(brief).join(" ")}`.trimEnd();
              before(said);
              log.push(said);
              return call(...args);
            },
      ],
    );
    return [name, { read, write: Object.fromEntries(calls) as object }];
  });
  return Object.fromEntries(watched) as unknown as Ports;
}

const brief = (value: unknown): string =>
  typeof value === "string"
    ? value.length > 60
      ? `${value.slice(0, 57)}…`
      : value
    : (JSON.stringify(value) ?? "");
