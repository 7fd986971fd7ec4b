/** What `pvs`, `vgs` and `lvs` report with `--reportformat json --units b --nosuffix`. */
import { BomaError } from "@boma/protocol";
import type { PhysicalVolume, Volume, VolumeGroup } from "@boma/states/core";
import { z } from "zod";

const Report = z.object({
  report: z.array(z.record(z.string(), z.array(z.record(z.string(), z.string())))),
});

export const PVS_FIELDS = "pv_name,vg_name";
export const VGS_FIELDS = "vg_name,vg_extent_size,vg_size,vg_free";
export const LVS_FIELDS = "vg_name,lv_name,lv_size";

type Field = (name: string) => string;

/** A field that is not there is a report of something else, and no ground to build on. */
function rows<T>(text: string, table: string, read: (field: Field) => T): T[] {
  const found = Report.parse(JSON.parse(text)).report.flatMap((part) => part[table] ?? []);
  return found.map((row) =>
    read((name) => {
      const value = row[name];
      if (value !== undefined) return value;
      throw new BomaError("state/command-failed", `LVM reports a ${table} without ${name}`);
    }),
  );
}

export const parsePvs = (text: string): PhysicalVolume[] =>
  rows(text, "pv", (field) => ({ device: field("pv_name"), group: field("vg_name") || undefined }));

export const parseVgs = (text: string): VolumeGroup[] =>
  rows(text, "vg", (field) => ({
    name: field("vg_name"),
    extentBytes: Number(field("vg_extent_size")),
    bytes: Number(field("vg_size")),
    freeBytes: Number(field("vg_free")),
  }));

export const parseLvs = (text: string): Volume[] =>
  rows(text, "lv", (field) => ({
    group: field("vg_name"),
    name: field("lv_name"),
    bytes: Number(field("lv_size")),
  }));
