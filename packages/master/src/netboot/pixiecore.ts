/**
 * Answers Pixiecore's API: what a machine boots, as it wants it said. Pixiecore asks several times in one boot: when it
 * sees the machine's DHCP, when it gives it a loader, and when it writes its script; that is one boot of the window,
 * and one token.
 */
import { BOOT_TOKEN_MS } from "@boma/protocol";

import type { CloudAsked } from "./boot-http.ts";
import { kernelWords } from "./boot-script.ts";
import { findBoot } from "./find-boot.ts";

type Parts = Parameters<typeof findBoot>[0] & {
  readonly console: (arch: string) => string | undefined;
  readonly extra: string;
};

/** It tells nothing of a machine but its address, and boots no others than these. */
const ARCH = "amd64";
/** What is left of the token's time is the machine's, to load its image and to begin. */
const KEPT_MS = BOOT_TOKEN_MS / 4;
const KEPT_MAX = 1024;

/** A document for it, or why this machine is not to be booted. */
export type PixieAnswer =
  | { readonly boots: true; readonly body: string }
  | { readonly boots: false; readonly why: string };

interface Kept {
  /** Of one that was asked for twice at once, too, there is one. */
  readonly answer: Promise<PixieAnswer>;
  readonly until: number;
}

export class PixieAnswers {
  readonly #kept = new Map<string, Kept>();
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async answer(asked: CloudAsked): Promise<PixieAnswer> {
    const { mac } = asked;
    const kept = this.#kept.get(mac);
    if (kept && kept.until > Date.now()) return kept.answer;
    const making = this.#make(asked);
    this.#keep(mac, making);
    const boots = await making.then(
      (answer) => answer.boots,
      () => false,
    );
    // A refusal may be over a moment later.
    if (!boots && this.#kept.get(mac)?.answer === making) this.#kept.delete(mac);
    return making;
  }

  /** It has all that it boots: what asks for it from now on is another boot. */
  loaded(mac: string): void {
    this.#kept.delete(mac);
  }

  async #make({ mac, address, url }: CloudAsked): Promise<PixieAnswer> {
    const { console, extra } = this.#parts;
    const found = await findBoot(this.#parts, { mac, arch: ARCH, address });
    if (!found.boots) return found;
    const at = `${url}/image/${found.image}/${mac.replaceAll(":", "-")}`;
    const document = {
      kernel: `${at}/kernel`,
      initrd: [`${at}/initrd`],
      cmdline: kernelWords(mac, found.answer, { console: console(ARCH), extra }).join(" "),
      message: `boma: ${mac} boots ${found.image}`,
    };
    return { boots: true, body: `${JSON.stringify(document)}\n` };
  }

  #keep(mac: string, answer: Promise<PixieAnswer>): void {
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.delete(mac);
    this.#kept.set(mac, { answer, until: Date.now() + KEPT_MS });
  }
}
