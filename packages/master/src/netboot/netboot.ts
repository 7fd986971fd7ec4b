/**
 * The master's half of netboot: who may boot, with which token, and how far each
 * machine is. The boot service sees the first stages and tells them; the later ones
 * are seen here, in the events that every enrolment and every apply makes.
 */
import { randomBytes } from "node:crypto";

import {
  BOOT_TOKEN_MS,
  type BootToken,
  BomaError,
  crockford,
  type HardwareClaims,
  type NetbootStage,
  OPEN_WINDOW_MS_MAX,
  printBootToken,
  type SequencedEvent,
} from "@boma/protocol";

import type { Tokens } from "../enrol/tokens.ts";
import type { Events } from "../events/events.ts";
import type { Logger } from "../log.ts";
import type { NodeRecord } from "../registry/node-record.ts";
import type { Registry } from "../registry/registry.ts";
import type { Choice, Machine as SiteMachine } from "../site/profile.ts";
import type { Store } from "../store/store.ts";
import { UBUNTU } from "./autoinstall.ts";
import { type Machine, Machines } from "./machines.ts";
import { UBUNTU_DONE } from "./ubuntu-files.ts";
import { type Booting, type BootWindow, isJunkUuid, Windows } from "./windows.ts";

interface Parts {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly registry: Registry;
  readonly events: Events;
  readonly log: Logger;
  readonly connected: (key: string) => boolean;
  /** What a machine that waits for a decision claims to be. */
  readonly waiting: (key: string) => HardwareClaims | undefined;
  readonly profile: (machine: SiteMachine) => Promise<Choice>;
  /** Whether a job only looked. */
  readonly isTest: (job: string) => Promise<boolean>;
}

export interface Asking extends Booting {
  /** The site is asked for it, which takes a second when it is asked first: only who answers by it wants to know. */
  readonly tellProfile?: boolean | undefined;
  readonly serial?: string | undefined;
  readonly arch: string;
  readonly address: string;
}

/** What a boot script is made of, or why there is none. */
export type BootAnswer =
  | {
      readonly boots: true;
      readonly token: string;
      readonly node?: string | undefined;
      readonly image?: string | undefined;
      /** The profile that the site's rules would give it now; the one that counts is chosen when it is let in. */
      readonly profile?: string | undefined;
      /** It is to be put on a disk, so it must boot an image that can be. */
      readonly install?: true | undefined;
      /** The disk that its window names. */
      readonly target?: string | undefined;
      /** Seconds since 1970, for machines without a clock. */
      readonly time: number;
    }
  | {
      readonly boots: false;
      readonly why: string;
      /** Its system is on its disk: there it goes on. */
      readonly disk?: true;
    };

type Refusal = Extract<BootAnswer, { boots: false }>;
/** How the boot service asks. */
export type AskBoot = (asking: Asking) => Promise<BootAnswer>;

type Opening = Omit<BootWindow, "id" | "openedAt" | "until"> & { readonly ttlMs: number };

export class Netboot {
  readonly windows: Windows;
  readonly machines: Machines;
  readonly #parts: Parts;
  #beginning: Promise<unknown> = Promise.resolve();

  private constructor(parts: Parts, windows: Windows, machines: Machines) {
    this.#parts = parts;
    this.windows = windows;
    this.machines = machines;
  }

  static async open(parts: Parts): Promise<Netboot> {
    const [windows, machines] = await Promise.all([Windows.open(parts.store), Machines.open(parts.store)]);
    const netboot = new Netboot(parts, windows, machines);
    parts.events.listen((event) => {
      netboot.#seen(event).catch((error: unknown) => {
        parts.log.error({ kind: event.kind, error: String(error) }, "a stage of a boot was not written down");
      });
    });
    return netboot;
  }

  async openWindow({ ttlMs, ...opening }: Opening): Promise<BootWindow> {
    const now = Date.now();
    const { for: machine, node, openedBy, diskless } = opening;
    if (machine.by === "any" && ttlMs > OPEN_WINDOW_MS_MAX)
      throw new BomaError("netboot/window", "a window for any machine is open for a day at most", {
        hint: "Name the machine (--mac, --uuid), or open it for less (--ttl).",
      });
    if (machine.by === "any" && node !== undefined)
      throw new BomaError("netboot/window", `any machine cannot be called ${node}`);
    if (machine.by === "uuid" && isJunkUuid(machine.value))
      throw new BomaError(
        "netboot/window",
        `${machine.value} is no machine's own: boards without a UUID say it`,
        {
          hint: "Name the machine by its MAC address.",
        },
      );
    const window = {
      ...opening,
      id: crockford(randomBytes(4)).slice(0, 6),
      openedAt: now,
      until: now + ttlMs,
    };
    await this.windows.add(window);
    const { id, until, install } = window;
    const data = { window: id, for: machine.value, until, diskless, ...(install && { install: true }) };
    await this.#parts.events.told({ kind: "netboot.opened", operator: openedBy, data });
    return window;
  }

  async closeWindow(id: string, operator: string): Promise<void> {
    await this.windows.close(id);
    await this.#parts.events.told({ kind: "netboot.closed", operator, data: { window: id } });
  }

  /** A machine asks for its boot script. */
  async boot(asking: Asking, service: string): Promise<BootAnswer> {
    const begun = await this.#inTurn(() => this.#begin(asking, service));
    if (!("window" in begun)) return begun;
    const { window, token } = begun;
    const { node, image, install: { disk: target } = {} } = window;
    const profile = asking.tellProfile ? await this.#profile(asking.mac, window) : undefined;
    const time = Math.floor(Date.now() / 1000);
    const words = { token: printBootToken(token), node, image, profile, time };
    if (asking.arch === UBUNTU_DONE) await this.reached(asking.mac, "installed");
    return { boots: true, ...(putsItself(window) && { install: true as const }), ...words, target };
  }

  /** Two machines of one address that ask at once must not both be given a token that holds. */
  #inTurn<T>(begin: () => Promise<T>): Promise<T> {
    const mine = this.#beginning.catch(() => undefined).then(begin);
    this.#beginning = mine;
    return mine;
  }

  async #begin(
    asking: Asking,
    service: string,
  ): Promise<Refusal | { readonly window: BootWindow; readonly token: BootToken }> {
    const begun = this.#begun(asking);
    const found = this.windows.find(asking, begun);
    const own = this.#hasDisk(asking);
    if (own !== undefined && !this.#isFor(asking, found))
      return { boots: false, disk: true, why: `the node ${own} boots from its disk` };
    const why = found ? this.#occupied(asking) : "no boot window is open for this machine";
    const take = async (open: BootWindow) => (open.id === begun ? open : this.windows.take(open.id));
    const window = why === undefined && found ? await take(found) : undefined;
    if (!window) return this.#refuse(asking, why ?? "the window has just closed");
    const token = await this.#mint(asking, window, service);
    const { mac, uuid, serial, arch, address } = asking;
    const { image, node } = window;
    const put = { ...window.install, window: window.id, by: window.openedBy };
    const install = putsItself(window) ? put : undefined;
    const about = { image, node, install, token: token.id, window: window.id };
    const asked = { mac, uuid, serial, arch, address, ...about };
    // A boot begins anew: nothing of the one before is true of it, but that its address was just given out.
    await this.machines.change(mac, ({ stages: { dhcp, script } }) => ({
      ...defined(asked),
      stages: {
        ...(dhcp !== undefined && (script === undefined || begun !== undefined) && { dhcp }),
        script: Date.now(),
      },
      seenAt: 0,
    }));
    this.#tellStage({ mac, address }, "script");
    return { window, token };
  }

  /** In which window it has begun a boot: who asks again because its image did not load takes no further one. */
  #begun({ mac }: Asking): string | undefined {
    const { token, window } = this.machines.get(mac) ?? {};
    const { usedBy, expiresAt = 0 } = (token === undefined ? undefined : this.#parts.tokens.get(token)) ?? {};
    return usedBy?.length === 0 && expiresAt > Date.now() ? window : undefined;
  }

  /** Rules that are broken, or two that fit, are told where they matter: when it is let in. */
  async #profile(mac: string, { node, assigned }: BootWindow): Promise<string | undefined> {
    const override = typeof assigned["profile"] === "string" ? assigned["profile"] : undefined;
    const machine = { macs: [mac], hostname: node ?? idOf(mac), override };
    const choice = await this.#parts.profile(machine).catch(() => undefined);
    return choice?.profile?.name;
  }

  /** One for any machine is for those that nobody knows yet, and one that was there before has had its turn. */
  #isFor({ mac }: Asking, window: BootWindow | undefined): boolean {
    if (!window || window.for.by === "any") return false;
    return window.openedAt >= (this.machines.get(mac)?.stages.installed ?? 0);
  }

  /** The node whose system is on this machine's disk. */
  #hasDisk({ mac, uuid }: Asking): string | undefined {
    const own = uuid === undefined || isJunkUuid(uuid) ? undefined : uuid;
    const claims = { macs: [mac], uuid: own, hostname: "", arch: "", wants: {} };
    const node = this.#parts.registry.byHardware(claims);
    if (node) return node.diskless === true ? undefined : node.id;
    const { stages, node: name = idOf(mac) } = this.machines.get(mac) ?? {};
    return stages?.installed === undefined ? undefined : name;
  }

  /** A node that is there is not booting: what asks in its name is another machine, or will be heard when it has gone. */
  #occupied({ mac, uuid }: Asking): string | undefined {
    const claims = { macs: [mac], uuid, hostname: "", arch: "", wants: {} };
    const node = this.#parts.registry.byHardware(claims);
    if (!node || node.diskless === true || !this.#parts.connected(node.key)) return undefined;
    return `the node ${node.id} has this hardware, and is connected`;
  }

  async #refuse({ mac, address }: Asking, why: string): Promise<Refusal> {
    const before = this.machines.get(mac)?.why;
    await this.machines.change(mac, (machine) => ({ ...machine, address, why }));
    // It asks every few seconds; that is one event.
    if (before !== why) this.#parts.events.tell({ kind: "netboot.refused", data: { mac, address, why } });
    return { boots: false, why };
  }

  /** The script before this one was for nobody, or for another machine of this address: its token ends. */
  async #mint({ mac, uuid }: Asking, window: BootWindow, service: string): Promise<BootToken> {
    const before = this.machines.get(mac)?.token;
    if (before !== undefined) await this.#parts.tokens.withdraw(before);
    const { assigned } = window;
    // Until it is on its disk, its keys are in its memory.
    const diskless = window.diskless || putsItself(window);
    return this.#parts.tokens.create({
      assigned,
      mac,
      ...(uuid !== undefined && !isJunkUuid(uuid) && { uuid }),
      ...(diskless && { diskless }),
      uses: 1,
      ttlMs: BOOT_TOKEN_MS,
      createdBy: service,
    });
  }

  /** What the boot service saw of a machine. */
  async saw(mac: string, stage: NetbootStage, address: string | undefined): Promise<void> {
    const about = address === undefined ? {} : { address };
    if (stage === "dhcp" && this.machines.get(mac)?.stages.script !== undefined)
      // It was switched on again: the boot that is on record is over, and what it has on its disk is there.
      await this.machines.change(mac, ({ stages: { installed }, why: _why, ...machine }) => ({
        ...machine,
        stages: { ...(installed !== undefined && { installed }) },
      }));
    if (await this.machines.reach(mac, stage, about)) this.#tellStage({ mac, address }, stage);
  }

  /** What the master knows by itself of a machine that is put on its disk. */
  async reached(mac: string, stage: "installing" | "installed"): Promise<void> {
    const machine = this.machines.get(mac);
    if (machine && (await this.machines.reach(mac, stage))) this.#tellStage(machine, stage);
  }

  #tellStage({ mac, address }: Pick<Machine, "mac" | "address">, stage: NetbootStage): void {
    const { stages: { script } = {}, key, node } = this.machines.get(mac) ?? {};
    this.#parts.events.tell({
      kind: "netboot.stage",
      ...(key !== undefined && { node: key }),
      ...(node !== undefined && { id: node }),
      data: {
        mac,
        stage,
        ...(address !== undefined && { address }),
        ...(script !== undefined && { ms: Date.now() - script }),
      },
    });
  }

  /** The stages that nobody but the master sees. */
  async #seen(event: SequencedEvent): Promise<void> {
    const { kind, node: key } = event;
    if (key === undefined) return;
    if (kind === "node.asked" || kind === "node.key-changed" || kind === "node.token-refused")
      return this.#asked(event, event.data.reason ?? "waits for an operator");
    if (kind === "node.enrolled") return this.#approved(key);
    if (kind !== "job.returned" || event.data.function !== "state.apply") return;
    const machine = this.machines.byKey(key);
    const converged = event.data.status === "ok" || event.data.status === "changed";
    if (!machine || !converged || event.job === undefined || (await this.#parts.isTest(event.job))) return;
    if (await this.machines.reach(machine.mac, "converged")) this.#tellStage(machine, "converged");
  }

  /** Anybody may ask under the name of a machine: one that claims other hardware is another. */
  async #asked({ id, node: key }: SequencedEvent, why: string): Promise<void> {
    const machine = id === undefined ? undefined : this.#called(id);
    const { macs = [] } = (key === undefined ? undefined : this.#parts.waiting(key)) ?? {};
    if (!machine || (macs.length > 0 && !macs.some((mac) => mac.toLowerCase() === machine.mac))) return;
    if (await this.machines.reach(machine.mac, "asked")) this.#tellStage(machine, "asked");
    await this.machines.change(machine.mac, (now) => ({ ...now, why: why.slice(0, 500) }));
  }

  /** Which boot made this node. By its token that is certain; whom an operator let in is who it claims to be. */
  #bootOf({ approvedBy, claims, id }: NodeRecord): Machine | undefined {
    const token = /^token (\S+)$/.exec(approvedBy)?.[1];
    if (token !== undefined) return this.machines.list().find((machine) => machine.token === token);
    return this.machines.byClaims(claims) ?? this.#called(id);
  }

  #called(id: string): Machine | undefined {
    return this.machines.list().findLast(({ node, mac }) => id === (node ?? idOf(mac)));
  }

  async #approved(key: string): Promise<void> {
    const node = this.#parts.registry.byKey(key);
    const machine = node && this.#bootOf(node);
    // A machine that was booted long ago, or from its disk, is none of ours.
    if (!machine || machine.stages.script === undefined || machine.key === key) return;
    const about = { key, node: node.id };
    if (await this.machines.reach(machine.mac, "asked", about)) this.#tellStage(machine, "asked");
    if (await this.machines.reach(machine.mac, "approved", about)) this.#tellStage(machine, "approved");
  }
}

/** One of our images does; Ubuntu's installer is no node, and what it has installed has a disk from the first. */
const putsItself = ({ install, image }: BootWindow): boolean => install !== undefined && image !== UBUNTU;

/** What a live node calls itself where its window gives it no name. */
const idOf = (mac: string): string => `node-${mac.replaceAll(":", "")}`;

const defined = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
