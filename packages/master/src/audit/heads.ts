/** A head is one signed statement about the chain, with the proof beside it that the root lets this key speak. */
import {
  AuditHead,
  type AuditHeadBody,
  BomaError,
  open,
  readManifest,
  seal,
  speaksForMaster,
} from "@boma/protocol";
import { z } from "zod";

import { Base64 } from "../home.ts";
import type { Keyring } from "../keyring.ts";
import type { ChainEnd } from "./record.ts";

/** A signed head says for ever what it says. */
const NEVER_MS = 8.64e15;

const HeadLine = z.strictObject({ head: Base64.schema, manifest: Base64.schema });

export interface Head extends AuditHeadBody {
  readonly at: number;
  /** Of the manifest under which it was signed; it only rises. */
  readonly serial: number;
}

export function signHead({ sign, manifest }: Keyring, chain: string, { n, hash }: ChainEnd): string {
  const head = seal(AuditHead, { chain, n, hash }, { to: "-", key: sign, expires: NEVER_MS });
  return JSON.stringify({ head: Base64.print(head), manifest: Base64.print(manifest) });
}

/** Throws, saying why, for what the root does not vouch for. */
export function readHead(line: string, root: Uint8Array): Head {
  const { head, manifest: proof } = HeadLine.parse(parseJson(line));
  const manifest = readManifest(proof, root);
  const trusts = (sender: Uint8Array) => speaksForMaster(manifest, sender);
  const { at, body } = open(AuditHead, head, { trusts, to: "-", now: null });
  return { ...body, at, serial: manifest.serial };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new BomaError("audit/broken", "the head is not JSON", { cause });
  }
}
