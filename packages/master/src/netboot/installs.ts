/**
 * Machines that are put on their disks with nobody's hand on them: each is given the
 * job when it was let in, and told to start from its disk when that job has returned.
 * Whoever opened the window asks for it, by the same door as any operator, and what a
 * master that was killed had begun is taken up where it was.
 */
import { asBomaError, BomaError, type SequencedEvent } from "@boma/protocol";

import { perform } from "../api/perform.ts";
import type { OperatorRecord } from "../api/rights.ts";
import type { Control } from "../control.ts";
import { expectedJob } from "../jobs/expected-job.ts";
import type { Machine } from "./machines.ts";

const INSTALL = "system.install";
const BOOT = "system.boot-installed";
const WHY_CHARS_MAX = 500;

type Installing = Machine & { readonly install: NonNullable<Machine["install"]>; readonly key: string };

export class Installs {
  readonly #control: Control;
  readonly #ends = new AbortController();
  /** One machine at a time: what is decided of one is written before the next is looked at. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(control: Control) {
    this.#control = control;
  }

  static start(control: Control): Installs {
    const installs = new Installs(control);
    control.events.listen((event) => installs.#heard(event));
    for (const { mac } of control.netboot.machines.list()) installs.#look(mac);
    return installs;
  }

  async stop(): Promise<void> {
    this.#ends.abort();
    await this.#turn;
  }

  #heard({ kind, data, node, job }: SequencedEvent): void {
    if (kind === "netboot.stage" && data.stage === "approved") this.#look(data.mac);
    if (kind !== "job.returned" || data.function !== INSTALL || node === undefined || job === undefined)
      return;
    this.#inTurn(() => this.#returned(node, job));
  }

  #look(mac: string): void {
    this.#inTurn(() => this.#advance(mac));
  }

  #inTurn(work: () => Promise<void>): void {
    this.#turn = this.#turn
      .then(async () => (this.#ends.signal.aborted ? undefined : work()))
      .catch((error: unknown) =>
        this.#control.log.error({ error: String(error) }, "an installation could not be taken further"),
      );
  }

  /** Whoever asked for it: that of an operator's own hand counts as that of the window. */
  async #returned(key: string, job: string): Promise<void> {
    const { machines } = this.#control.netboot;
    const machine = machines.byKey(key);
    if (!machine?.install) return void (await this.#settle(key, job));
    await this.#note(machine.mac, { job });
    await this.#advance(machine.mac);
  }

  async #advance(mac: string): Promise<void> {
    const machine = this.#control.netboot.machines.get(mac);
    const { install, key, stages } = machine ?? {};
    if (!machine || !install || key === undefined || stages?.approved === undefined) return;
    const installing = { ...machine, install, key };
    try {
      if (install.job === undefined) await this.#begin(installing);
      else if (stages.installed === undefined) await this.#end(installing, install.job);
      else if (install.boot === undefined) await this.#boot(installing);
    } catch (thrown) {
      await this.#waits(mac, asBomaError(thrown).message);
    }
  }

  async #begin(machine: Installing): Promise<void> {
    const { disk } = machine.install;
    const job = await this.#ask(machine, INSTALL, disk === undefined ? {} : { disk });
    await this.#note(machine.mac, { job });
    await this.#control.netboot.reached(machine.mac, "installing");
  }

  async #end(machine: Installing, job: string): Promise<void> {
    const { key, mac, install } = machine;
    const { netboot, jobs } = this.#control;
    if (await this.#settle(key, job)) {
      await netboot.reached(mac, "installed");
      await this.#closeWindow(install.window, install.by);
      return this.#boot(machine);
    }
    const ending = await jobs.store.ending(job, key);
    if (ending) await this.#waits(mac, ending.error?.message ?? `${INSTALL} ended as ${ending.status}`);
  }

  /** It has a disk now: whoever comes with its name and other keys is a stranger from here on. */
  async #settle(key: string, job: string): Promise<boolean> {
    const { jobs, registry } = this.#control;
    const ending = await jobs.store.ending(job, key);
    if (ending?.status !== "changed") return false;
    await registry.change(key, ({ diskless: _over, ...node }) => node);
    return true;
  }

  async #boot(machine: Installing): Promise<void> {
    await this.#note(machine.mac, { boot: await this.#ask(machine, BOOT, {}) });
  }

  /** One machine's window has done what it was opened for; one for any machine is for the others too. */
  async #closeWindow(id: string, by: string): Promise<void> {
    const { netboot } = this.#control;
    const window = netboot.windows.list().find((one) => one.id === id);
    if (window && window.for.by !== "any") await netboot.closeWindow(id, by);
  }

  #note(mac: string, jobs: { readonly job?: string; readonly boot?: string }): Promise<void> {
    return this.#control.netboot.machines.change(mac, (now) =>
      now.install ? { ...now, install: { ...now.install, ...jobs } } : now,
    );
  }

  async #waits(mac: string, why: string): Promise<void> {
    this.#control.log.warn({ mac, why }, "an installation waits for somebody");
    const text = why.slice(0, WHY_CHARS_MAX);
    await this.#control.netboot.machines.change(mac, (now) => ({ ...now, why: text }));
  }

  /** The same job, however often it is asked for: it is of this machine, in this boot, under this key. */
  async #ask({ mac, key, node, install, stages }: Installing, name: string, args: object): Promise<string> {
    const { window, by } = install;
    const operator = this.#operator(by);
    const words = ["boma/install", window, mac, key, name];
    const job = expectedJob(this.#control.store, stages.script ?? 0, words);
    const answer = await perform(this.#control, {
      operator,
      verb: "job.start",
      args: { target: `L@${node}`, function: name, args, test: false, allowEmpty: false, watch: false },
      from: `the boot window ${window}`,
      reaction: { causes: ["netboot"], job },
      signal: this.#ends.signal,
    });
    if ("items" in answer) await answer.items.return?.();
    return job;
  }

  #operator(name: string): OperatorRecord {
    const found = [...this.#control.operators.values()].find((one) => one.name === name);
    if (found) return found;
    throw new BomaError("operator/denied", `${name}, who opened the window, is no operator any more`);
  }
}
