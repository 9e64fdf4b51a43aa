// What deploy/ says fits together, and is what Compose and Kubernetes take. There is no linter for either on npm that we would trust,
// so what matters of their structure stands here as JSON Schema, checked by ajv; commands are checked by the program itself.

import { readdirSync, readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { main } from "../src/cli/main.ts";

const deploy = new URL("../deploy/", import.meta.url);
const ajv = new Ajv({ allErrors: true });
const text = { type: "string", minLength: 1 };
const texts = { type: "array", items: text };

const composeSchema = {
  type: "object",
  required: ["name", "services"],
  properties: {
    name: { type: "string", pattern: "^[a-z0-9][a-z0-9_-]*$" },
    services: {
      type: "object",
      additionalProperties: {
        type: "object",
        required: ["image"],
        additionalProperties: false,
        properties: {
          image: text,
          build: {
            type: "object",
            required: ["context"],
            additionalProperties: false,
            properties: { context: text, dockerfile: text },
          },
          command: texts,
          entrypoint: texts,
          profiles: texts,
          ports: { type: "array", items: { type: "string", pattern: "^\\d+:\\d+$" } },
          volumes: { type: "array", items: { type: "string", pattern: "^[^:]+:/[^:]*(:ro)?$" } },
          restart: { enum: ["no", "always", "on-failure", "unless-stopped"] },
          stop_grace_period: { type: "string", pattern: "^\\d+(s|m)$" },
          healthcheck: { type: "object", required: ["test"] },
          depends_on: {
            type: "object",
            additionalProperties: {
              type: "object",
              required: ["condition"],
              properties: { condition: { enum: ["service_started", "service_healthy"] } },
            },
          },
        },
      },
    },
    volumes: { type: "object" },
  },
};

const container = {
  type: "object",
  required: ["name", "image", "args", "resources"],
  properties: {
    name: text,
    image: text,
    args: texts,
    ports: {
      type: "array",
      items: {
        type: "object",
        required: ["name", "containerPort"],
        properties: { containerPort: { type: "integer" } },
      },
    },
    resources: { type: "object", required: ["requests", "limits"] },
    volumeMounts: { type: "array", items: { type: "object", required: ["name", "mountPath"] } },
  },
};
const workload = {
  type: "object",
  required: ["selector", "template"],
  properties: {
    selector: { type: "object", required: ["matchLabels"] },
    replicas: { type: "integer", minimum: 1 },
    template: {
      type: "object",
      required: ["metadata", "spec"],
      properties: {
        metadata: { type: "object", required: ["labels"] },
        spec: {
          type: "object",
          required: ["containers"],
          properties: { containers: { type: "array", minItems: 1, items: container } },
        },
      },
    },
  },
};
const kinds: Readonly<Record<string, { readonly apiVersion: string; readonly schema: object }>> = {
  ConfigMap: { apiVersion: "v1", schema: { required: ["data"] } },
  Service: {
    apiVersion: "v1",
    schema: { required: ["spec"], properties: { spec: { type: "object", required: ["selector", "ports"] } } },
  },
  Deployment: { apiVersion: "apps/v1", schema: { required: ["spec"], properties: { spec: workload } } },
  StatefulSet: {
    apiVersion: "apps/v1",
    schema: {
      required: ["spec"],
      properties: { spec: { ...workload, required: ["serviceName", "selector", "template"] } },
    },
  },
  ScaledObject: {
    apiVersion: "keda.sh/v1alpha1",
    schema: {
      required: ["spec"],
      properties: { spec: { type: "object", required: ["scaleTargetRef", "triggers"] } },
    },
  },
};

/** What the tests look at; which kind has what of it, its schema says. */
interface Spec {
  readonly selector: { readonly app: string; readonly matchLabels: Readonly<Record<string, string>> };
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
    readonly spec: {
      readonly containers: readonly {
        readonly name: string;
        readonly image: string;
        readonly args: readonly string[];
        readonly volumeMounts?: readonly { readonly name: string }[];
      }[];
      readonly volumes?: readonly { readonly name: string }[];
    };
  };
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  readonly scaleTargetRef: { readonly name: string };
  readonly triggers: readonly { readonly metadata: { readonly query: string } }[];
}

interface Manifest {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Spec;
}

const manifests: readonly Manifest[] = readdirSync(new URL("kubernetes/", deploy)).flatMap((file) => {
  const documents = parseAllDocuments(readFileSync(new URL(`kubernetes/${file}`, deploy), "utf8"));
  return documents.map((document) => {
    expect(document.errors).toEqual([]);
    return { file, ...document.toJS() } as Manifest;
  });
});
const compose = parse(readFileSync(new URL("compose.yaml", deploy), "utf8"), { merge: true });

/** What is wrong with the arguments, as the program says it: those of a command that cannot reach NATS say that, and no more. */
async function complaintAbout(args: readonly string[]): Promise<string> {
  const said: string[] = [];
  const nowhere = args.map((arg) => (arg.startsWith("nats://") ? "nats://127.0.0.1:1" : arg));
  await main(nowhere, {
    out: (line) => said.push(line),
    err: (line) => said.push(line),
    status: () => {},
    isTerminal: false,
  });
  return said.join("\n");
}

test("the compose file is one", async () => {
  const { "x-spinn": _, ...file } = compose;
  expect(ajv.validate(composeSchema, file), ajv.errorsText()).toBe(true);
  for (const { depends_on = {} } of Object.values<{ depends_on?: object }>(file.services))
    for (const name of Object.keys(depends_on)) expect(file.services).toHaveProperty(name);
  for (const name of ["gateway", "worker"])
    expect(await complaintAbout(file.services[name].command), name).toMatch(/^spinn: Cannot connect to NATS/);
});

describe("Kubernetes", () => {
  test.each(manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest] as const))(
    "%s is one",
    (_, { file, ...manifest }) => {
      const kind = kinds[manifest.kind];
      expect(kind, `${file}: no schema for ${manifest.kind}`).toBeDefined();
      expect(manifest.apiVersion).toBe(kind!.apiVersion);
      expect(manifest.metadata.name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
      expect(ajv.validate({ type: "object", ...kind!.schema }, manifest), ajv.errorsText()).toBe(true);
    },
  );

  const workloads = manifests.filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet");

  test("labels, volumes, services and the autoscaler's target are there", () => {
    const apps = workloads.map(({ spec }) => spec.template.metadata.labels.app);
    for (const { spec } of workloads) {
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      const { volumes: plain = [] } = spec.template.spec;
      const claimed = (spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
      const volumes = [...plain.map(({ name }) => name), ...claimed];
      for (const { volumeMounts = [] } of spec.template.spec.containers)
        for (const { name } of volumeMounts) expect(volumes).toContain(name);
    }
    for (const { kind, spec } of manifests) {
      if (kind === "Service") expect(apps).toContain(spec.selector.app);
      if (kind === "ScaledObject") {
        expect(workloads.map(({ metadata }) => metadata.name)).toContain(spec.scaleTargetRef.name);
        // the metric that it follows is one that gateways have
        const metrics = readFileSync(new URL("../src/server/metrics.ts", import.meta.url), "utf8");
        const [name] = /spinn_\w+/.exec(spec.triggers[0]!.metadata.query)!;
        expect(metrics).toContain(`"${name}"`);
      }
    }
  });

  test("the program understands its arguments", async () => {
    for (const { spec } of workloads)
      for (const { name, image, args } of spec.template.spec.containers)
        if (image === "spinn") expect(await complaintAbout(args), name).toMatch(/^spinn: Cannot connect to NATS/);
  });
});
