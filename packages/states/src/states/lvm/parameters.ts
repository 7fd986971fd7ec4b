/** What the states of volumes and filesystems have in common. */
import { z } from "zod";

export const DevicePath = z
  .string()
  .max(1024)
  .regex(/^\/dev\/(?!.*\/\/)(?!(.*\/)?\.\.?(\/|$))[^\s\0]+$/, "a path below /dev");

export const LvmName = z
  .string()
  .max(100)
  .regex(/^(?!\.\.?$)[a-z0-9_+.][a-z0-9_+.-]*$/i, "letters, digits, and _ + . -");

const UNITS: Readonly<Record<string, number>> = { K: 1, M: 2, G: 3, T: 4, P: 5 };

export const ALL_FREE = "100%FREE";

export const Size = z
  .string()
  .regex(/^([1-9]\d{0,14}(\.\d{1,3})?[KMGTP]|100%FREE)$/, "a size: 512M, 20G, 1.5T, or 100%FREE");

/** Powers of 1024, as LVM counts. */
export function bytesOf(size: string): number {
  const [, number = "", unit = ""] = /^([\d.]+)([KMGTP])$/.exec(size) ?? [];
  return Math.ceil(Number(number) * 1024 ** (UNITS[unit] ?? 0));
}

export function sizeOf(bytes: number): string {
  for (const [unit, power] of Object.entries(UNITS).toReversed())
    if (bytes >= 1024 ** power) return `${Number((bytes / 1024 ** power).toFixed(3))}${unit}`;
  return `${bytes}B`;
}
