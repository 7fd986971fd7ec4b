import type { BeaconKind } from "@boma/states/core";

import type { Beacon } from "../beacon.ts";
import { certificate } from "./certificate.ts";
import { disk } from "./disk.ts";
import { file } from "./file.ts";
import { link } from "./link.ts";
import { load } from "./load.ts";
import { login } from "./login.ts";
import { memory } from "./memory.ts";
import { pressure } from "./pressure.ts";
import { reboot } from "./reboot.ts";
import { service } from "./service.ts";
import { time } from "./time.ts";
import { unit } from "./unit.ts";

export type Beacons = { readonly [K in BeaconKind]: Beacon<K> };

export const beacons: Beacons = {
  "beacon.service": service,
  "beacon.unit": unit,
  "beacon.disk": disk,
  "beacon.memory": memory,
  "beacon.pressure": pressure,
  "beacon.load": load,
  "beacon.file": file,
  "beacon.login": login,
  "beacon.reboot": reboot,
  "beacon.time": time,
  "beacon.certificate": certificate,
  "beacon.link": link,
};
