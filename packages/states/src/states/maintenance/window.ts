import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { MaintenanceWindow, WINDOW_DUTY } from "../../maintenance/window.ts";

const idOf = (name: string): string => `${WINDOW_DUTY}(${name})`;

export default defineState({
  name: WINDOW_DUTY,
  summary:
    "When this node may restart what it protects otherwise; outside of it `maintenance.run` wants a reason.",
  key: "name",
  params: MaintenanceWindow,
  // It is kept among the agent's own things, which are in its home.
  confinable: true,
  claims: ({ name }) => [`maintenance-window:${name}`],

  async check(want, { duties }) {
    const held = await duties.get(idOf(want.name));
    return diff(held?.kind === WINDOW_DUTY ? held.params : undefined, want);
  },

  async apply(_, want, { duties }) {
    await duties.set(idOf(want.name), { kind: WINDOW_DUTY, params: want });
  },

  examples: [
    {
      title: "two hours on every working night, not around Christmas",
      key: "nightly",
      params: {
        from: "02:00",
        days: ["mon", "tue", "wed", "thu", "fri"],
        duration: "2h",
        zone: "Europe/Vienna",
        freeze: [{ from: "2026-12-20", to: "2027-01-06" }],
      },
    },
    {
      title: "the first week of each month, for the disks of Ceph only",
      key: "disks",
      params: { cron: "0 6 1-7 * *", duration: "6h", domains: ["ceph"] },
      given: {
        duties: {
          "maintenance.window(disks)": {
            kind: WINDOW_DUTY,
            params: { name: "disks", from: "06:00", duration: "1h", zone: "UTC", freeze: [] },
          },
        },
      },
    },
  ],
});
