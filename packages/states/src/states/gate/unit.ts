import { z } from "zod";

import { UnitName } from "../service/unit.ts";
import { defineGate, notReady, ready } from "./define-gate.ts";

export default defineGate({
  name: "gate.unit",
  summary: "Waits until a unit is up.",
  key: "unit",
  params: z.strictObject({ unit: UnitName.describe("The unit.") }),
  async probe({ unit }, { services }) {
    const { load, active, result, sub } = await services.status(unit);
    if (load !== "loaded") return notReady("misconfigured", `there is no ${unit} (${load})`);
    if (active === "active") return ready(`${unit} is ${sub}`);
    return notReady(active === "activating" ? "starting" : "down", `${unit} is ${active} (${result})`);
  },
  examples: [
    {
      title: "docker, before what runs in it",
      key: "docker.service",
      given: { services: { docker: { active: true } } },
    },
  ],
});
