/** The site and everything that turns it into catalogs, opened for one master. */
import { SiteBundles } from "../bundles/site-bundles.ts";
import type { Home } from "../home.ts";
import type { JobStore } from "../jobs/job-store.ts";
import type { Keyring } from "../keyring.ts";
import type { Logger } from "../log.ts";
import { Chunks } from "../mail/chunks.ts";
import type { Whereabouts } from "../nodes/whereabouts.ts";
import type { Registry } from "../registry/registry.ts";
import { GenSecrets } from "../secrets/gen-secrets.ts";
import { SecretResolver } from "../secrets/secret-resolver.ts";
import { SiteCompiler } from "../site/site-compiler.ts";
import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";
import { TerraformPlans } from "../terraform/terraform-plans.ts";
import { CatalogHistory } from "./catalog-history.ts";
import { Catalogs } from "./catalogs.ts";
import { PlanRecord, Plans } from "./plans.ts";

interface Parts {
  readonly home: Home;
  readonly keyring: () => Keyring;
  readonly store: Store;
  readonly registry: Registry;
  readonly jobStore: JobStore;
  readonly where: Whereabouts;
  /** The operator's site, on this host. */
  readonly site: string;
  readonly log: Logger;
}

export async function openCatalogs({ home, keyring, store, registry, jobStore, where, site, log }: Parts) {
  const [gen, terraform, planTable, catalogHistory] = await Promise.all([
    GenSecrets.open(store),
    TerraformPlans.open(store, jobStore),
    Table.open(store, "plan", PlanRecord),
    CatalogHistory.open(store),
  ]);
  const chunks = new Chunks(store, where.addressOf);
  const plans = new Plans(planTable, jobStore);
  const bundles = new SiteBundles(home, site, keyring);
  const siteCompiler = new SiteCompiler({
    site,
    bundle: async (kinds) => (await bundles.current(kinds))!.digest,
    note: (text) => log.info({ text }, "the site says"),
  });
  const secrets = new SecretResolver({
    home,
    site,
    gen,
    storeKey: () => store.key,
    environment: process.env,
  });
  const catalogs = new Catalogs({
    site: siteCompiler,
    registry,
    plans,
    history: catalogHistory,
    secrets,
    chunks,
    bundles,
  });
  return {
    chunks,
    catalogs,
    plans,
    terraform,
    catalogHistory,
    siteCompiler,
    secrets,
    genSecrets: gen,
    /** Nothing of a node that is gone stays, and nobody who gets its name finds it. */
    async forget(key: string) {
      const successor = [...registry.approved()].find(({ formerKey }) => formerKey === key);
      await Promise.all([chunks.forgetAll(key), catalogHistory.forget(key), gen.endKey(key, successor)]);
    },
  };
}
