// The nine fields of a deployment config, read for showing: the platform has checked it, and what it says stays with
// the signed text.
import { parse } from 'yaml';

export interface ConfigFields {
  model: string;
  image: string;
  pull: string;
  replicas: number;
  ports: { name: string; containerPort: number }[];
  command: string[];
  env: { name: string; value: string }[];
  requests: [string, string][];
  limits: [string, string][];
  volumes: { name: string; text: string }[];
  network: boolean;
}

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});
const array = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value));
const pairs = (value: unknown): [string, string][] => Object.entries(object(value)).map(([name, one]) => [name, text(one)]);

export function configOf(yaml: string): ConfigFields {
  let spec: Json = {};
  try {
    spec = object(object(parse(yaml)).spec);
  } catch {
    // The text itself is shown beside the fields.
  }
  const model = object(spec.model);
  const resources = object(spec.resources);
  const mounts = array(spec.volumeMounts).map(object);
  return {
    model: `${text(model.name)} ${text(model.version)}`.trim(),
    image: text(spec.image),
    pull: text(spec.imagePullPolicy),
    replicas: Number(spec.replicas ?? 1),
    ports: array(spec.ports).map(object).map((one) => ({ name: text(one.name), containerPort: Number(one.containerPort) })),
    command: array(spec.command).map(text),
    env: array(spec.env).map(object).map((one) => ({ name: text(one.name), value: text(one.value) })),
    requests: pairs(resources.requests),
    limits: pairs(resources.limits),
    volumes: array(spec.volumes)
      .map(object)
      .map((one) => {
        const name = text(one.name);
        const kind = Object.keys(one).find((key) => key !== 'name') ?? '';
        const paths = mounts.filter((mount) => text(mount.name) === name).map((mount) => text(mount.mountPath));
        return { name, text: `${name} (${kind}) → ${paths.join(', ')}` };
      }),
    network: text(spec.network) === 'outgoing',
  };
}

export interface Difference {
  field: string; // in Kubernetes' own words
  before: string; // empty: not there
  after: string;
}

// What an operator would notice: everything but the version itself and the image, which always differ.
export function differences(before: string, after: string): Difference[] {
  const flat = (yaml: string) => {
    const config = configOf(yaml);
    return new Map<string, string>([
      ['imagePullPolicy', config.pull],
      ['replicas', String(config.replicas)],
      ['command', config.command.join(' ')],
      ...config.ports.map((one): [string, string] => [`ports.${one.name}`, String(one.containerPort)]),
      ...config.env.map((one): [string, string] => [`env.${one.name}`, one.value]),
      ...config.requests.map(([name, value]): [string, string] => [`requests.${name}`, value]),
      ...config.limits.map(([name, value]): [string, string] => [`limits.${name}`, value]),
      ...config.volumes.map((one): [string, string] => [`volumes.${one.name}`, one.text]),
      ['network', config.network ? 'outgoing' : ''],
    ]);
  };
  const [was, is] = [flat(before), flat(after)];
  return [...new Set([...was.keys(), ...is.keys()])]
    .map((field) => ({ field, before: was.get(field) ?? '', after: is.get(field) ?? '' }))
    .filter((one) => one.before !== one.after);
}
