/** What an enrolling machine tells of itself, out of the grains that it collected. */
import { hostname } from "node:os";

import { ASSIGNED_ONLY, Assigned, type Grains, type GrainValue, type HardwareClaims } from "@boma/protocol";

const TEXT_LENGTH_MAX = 255;
const MACS_MAX = 64;

/** `hardware` is where the machine's own marks are read, which for a confined agent is not the machine that it runs on. */
export function hardwareClaims(grains: Grains, hardware: Grains = grains): HardwareClaims {
  const { model, uuid, serial, macs } = hardware;
  return {
    hostname: text(grains["hostname"]) ?? hostname().slice(0, TEXT_LENGTH_MAX),
    arch: text(grains["arch"]) ?? process.arch,
    ...optional({ model: text(model), uuid: text(uuid), serial: text(serial) }),
    macs: Array.isArray(macs) ? texts(macs as readonly GrainValue[]).slice(0, MACS_MAX) : [],
    wants: wantedGrains(grains),
  };
}

/** The words that the master alone assigns, as far as this machine has a wish. */
function wantedGrains(grains: Grains): Assigned {
  const wishes: [string, string | string[]][] = [];
  for (const word of ASSIGNED_ONLY) {
    const value = grains[word];
    const one = text(value);
    if (one !== undefined) wishes.push([word, one]);
    else if (Array.isArray(value)) wishes.push([word, texts(value as readonly GrainValue[]).slice(0, 64)]);
  }
  const read = Assigned.safeParse(Object.fromEntries(wishes));
  return read.success ? read.data : {};
}

const text = (value: GrainValue | undefined): string | undefined =>
  typeof value === "string" && value !== "" ? value.slice(0, TEXT_LENGTH_MAX) : undefined;

const texts = (values: readonly GrainValue[]): string[] => values.flatMap((value) => text(value) ?? []);

const optional = <T extends Readonly<Record<string, string | undefined>>>(
  fields: T,
): { [K in keyof T]?: string } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: string;
  };
