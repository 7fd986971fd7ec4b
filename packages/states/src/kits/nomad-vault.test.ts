/** What a job may read follows from what Nomad says of it, and from nothing that another job could be called. */
import { expect, test } from "vitest";

import policy from "../states/vault/policy.ts";
import { memoryHost } from "../testing/index.ts";
import { tryState } from "../testing/try-state.ts";
import { vaultForNomad } from "./nomad-vault.ts";

const HERE = { address: "http://127.0.0.1:8200", token: "hvs.the-one-that-configures" };
const API = "http://127.0.0.1:8200/v1";
const JWKS = "http://127.0.0.1:4646/.well-known/jwks.json";

test("a job is known by all of its name, and keys come before the role that trusts them", () => {
  const [login, keys, rules, role] = vaultForNomad({ jwksUrl: JWKS, ...HERE });
  expect(role).toMatchObject({
    params: {
      data: {
        user_claim: "sub",
        bound_audiences: ["vault.io"],
        token_policies: ["nomad-workloads"],
        claim_mappings: { nomad_namespace: "nomad_namespace", nomad_job_id: "nomad_job_id" },
      },
    },
  });
  expect(keys).toMatchObject({ params: { data: { jwks_url: JWKS, default_role: "nomad-workloads" } } });
  expect(login).toMatchObject({ params: { type: "jwt" } });
  expect(Object.keys((rules as unknown as { params: { paths: object } }).params.paths)[0]).toBe(
    "kv/data/{{identity.entity.aliases.@jwt-nomad.metadata.nomad_namespace}}/{{identity.entity.aliases.@jwt-nomad.metadata.nomad_job_id}}",
  );
});

test("a policy has the accessor of a login that Vault made up, and is not written without", async () => {
  const paths = { "kv/data/{{identity.entity.aliases.@jwt-nomad.metadata.nomad_job_id}}": ["read"] };
  const at = `${API}/sys/policies/acl/jobs`;
  const given = {
    http: {
      [`GET ${API}/sys/auth`]: { body: { data: { "jwt-nomad/": { type: "jwt", accessor: "auth_jwt_1f" } } } },
      [`POST ${at}`]: {
        status: 204,
        makes: { [`GET ${at}`]: (sent: string) => ({ body: { data: JSON.parse(sent) as object } }) },
      },
    },
  };
  const { host, left } = await tryState(policy, "jobs", { ...HERE, paths }, memoryHost(given));
  const { body } = (await host.ports.http.read.get({ url: at })) as { body: string };
  expect(body).toContain("aliases.auth_jwt_1f.metadata.nomad_job_id");
  expect(left).toEqual({});
  const none = { ...given.http, [`GET ${API}/sys/auth`]: { body: { data: {} } } };
  await expect(tryState(policy, "jobs", { ...HERE, paths }, { http: none })).rejects.toMatchObject({
    code: "state/blocked",
    message: expect.stringContaining("jwt-nomad"),
  });
});
