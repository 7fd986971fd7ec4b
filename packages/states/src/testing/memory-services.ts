import { BomaError } from "@boma/protocol";

import type { Port } from "../host/host.ts";
import type { ReadServices, Services, UnitStatus } from "../host/services.ts";
import type { GivenService } from "./given.ts";
import type { MemoryWorld } from "./memory-host.ts";

const UNITS_DIR = "/etc/systemd/system";

interface Unit {
  readonly given: GivenService;
  active: boolean;
  enabled: boolean;
  masked: boolean;
  failed: boolean;
  pid: number;
  restarts: number;
  /** Its files when systemd read them last. */
  loaded: string;
}

/** Units that do at once what they are told. One that was not given does not exist, unless it has a unit file. */
export function memoryServices(world: MemoryWorld): Port<ReadServices, Services> {
  const units = new MemoryUnits(world);
  const read: ReadServices = {
    status: async (unit) => statusOf(units, unit),
    settled: async (unit) => statusOf(units, unit),
    list: async () => units.names().map((name) => statusOf(units, name)),
    logs: async (unit, lines) =>
      (units.find(unit)?.given.logs ?? [])
        .slice(-lines)
        .map((text, atMs) => ({ atMs, unit: full(unit), priority: 6, text })),
  };
  return { read, write: { ...read, ...writingHalf(units) } };
}

const full = (name: string): string => (name.includes(".") ? name : `${name}.service`);

class MemoryUnits {
  readonly #units = new Map<string, Unit>();
  readonly #tree: MemoryWorld["tree"];
  #pids = 100;

  constructor({ given, tree }: MemoryWorld) {
    this.#tree = tree;
    for (const [name, said] of Object.entries(given.services ?? {})) this.#add(full(name), said);
  }

  #add(unit: string, given: GivenService): Unit {
    const { active = false, enabled = false, masked = false } = given;
    const pid = active ? this.nextPid() : 0;
    const loaded = this.filesOf(unit);
    const added = { given, active, enabled, masked, failed: false, pid, restarts: 0, loaded };
    this.#units.set(unit, added);
    return added;
  }

  nextPid(): number {
    return ++this.#pids;
  }

  names(): string[] {
    return [...this.#units.keys()];
  }

  /** The unit file and its drop-ins as one text: what differs from it was not read yet. */
  filesOf(unit: string): string {
    const own = `${UNITS_DIR}/${unit}`;
    return [...this.#tree]
      .filter(([path]) => path === own || path.startsWith(`${own}.d/`))
      .map(([path, entry]) => `${path}\n${entry.type === "file" ? Buffer.from(entry.bytes).toString() : ""}`)
      .toSorted()
      .join("\n");
  }

  find(name: string): Unit | undefined {
    const unit = full(name);
    const found = this.#units.get(unit);
    if (found) return found;
    return this.#tree.has(`${UNITS_DIR}/${unit}`) ? this.#add(unit, {}) : undefined;
  }

  must(name: string): Unit {
    const unit = this.find(name);
    if (unit) return unit;
    throw new BomaError("state/command-failed", `Unit ${full(name)} not found.`);
  }

  reload(): void {
    for (const [name, unit] of this.#units) {
      const had = unit.loaded.startsWith(`${UNITS_DIR}/${name}\n`);
      unit.loaded = this.filesOf(name);
      if (had && !this.#tree.has(`${UNITS_DIR}/${name}`) && !unit.active) this.#units.delete(name);
    }
  }
}

function statusOf(units: MemoryUnits, name: string): UnitStatus {
  const unit = units.find(name);
  const flapping = unit?.active === true && unit.given.flaps === true;
  if (unit && flapping) unit.restarts++;
  return {
    unit: full(name),
    description: full(name),
    load: !unit ? "not-found" : unit.masked ? "masked" : "loaded",
    active: flapping ? "activating" : unit?.active ? "active" : unit?.failed ? "failed" : "inactive",
    sub: flapping ? "auto-restart" : unit?.active ? "running" : "dead",
    enabled: enabledOf(unit),
    result: flapping ? "exit-code" : "success",
    restarts: unit?.restarts ?? 0,
    mainPid: unit?.pid ?? 0,
    activeSinceUs: unit?.pid ?? 0,
    // Each start has another process here, as it has another name there.
    invocation: unit?.active ? `start-${unit.pid}` : "",
    needsDaemonReload: unit !== undefined && unit.loaded !== units.filesOf(full(name)),
    canReload: unit?.given.canReload ?? true,
    triggeredBy: unit?.given.triggeredBy?.map(full) ?? [],
    type: full(name).endsWith(".service") ? "simple" : "",
  };
}

function enabledOf(unit: Unit | undefined): string {
  if (!unit) return "";
  if (unit.masked) return "masked";
  if (unit.given.static) return "static";
  return unit.enabled ? "enabled" : "disabled";
}

function writingHalf(units: MemoryUnits): Omit<Services, keyof ReadServices> {
  const start = (name: string): void => {
    const unit = units.must(name);
    if (unit.masked) throw new BomaError("state/command-failed", `Unit ${full(name)} is masked.`);
    Object.assign(unit, { active: true, failed: false, pid: units.nextPid() });
  };
  return {
    start: async (unit) => (units.must(unit).active ? undefined : start(unit)),
    stop: async (unit) => void Object.assign(units.must(unit), { active: false, pid: 0 }),
    restart: async (unit) => start(unit),
    reload: async (unit) => void units.must(unit),
    enable: async (unit) => void (units.must(unit).enabled = true),
    disable: async (unit) => void (units.must(unit).enabled = false),
    mask: async (unit) => void (units.must(unit).masked = true),
    unmask: async (unit) => void (units.must(unit).masked = false),
    daemonReload: async () => units.reload(),
    resetFailed: async (unit) => void (units.must(unit).failed = false),
  };
}
