import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of this package, seen from `dist/lib`. */
const PACKAGE = join(__dirname, '..', '..');

/** `template.yaml` as plain CloudFormation; made by `npm run template`. */
export const TEMPLATE_FILE = join(PACKAGE, 'template.json');

/** Where `sam build` puts the functions, if this package is used from its place in the repository. */
export const DEFAULT_ARTIFACTS = join(PACKAGE, '..', '..', '.aws-sam', 'build');

/** A parameter of a template: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html */
export interface Parameter {
  readonly Type: string;
  readonly Default: string | number;
  readonly Description: string;
  readonly NoEcho?: boolean;
  readonly AllowedValues?: ReadonlyArray<string | number>;
  readonly AllowedPattern?: string;
  readonly MinLength?: number;
  readonly MaxLength?: number;
  readonly MinValue?: number;
  readonly MaxValue?: number;
}

/** A resource of a template. */
export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly [attribute: string]: unknown;
}

/** A CloudFormation template, as far as this package looks into it. */
export interface Template {
  readonly Description: string;
  readonly Parameters: Readonly<Record<string, Parameter>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, unknown>>;
  readonly [section: string]: unknown;
}

/** The product's template, translated. */
export function loadTemplate(): Template {
  return JSON.parse(readFileSync(TEMPLATE_FILE, 'utf8')) as Template;
}

/** The logical ids of the resources of a type, in the template's order. */
export function idsOf(template: Template, type: string): string[] {
  return Object.entries(template.Resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([id]) => id);
}

/**
 * The template with the ids of its function versions freed from the hash that SAM ends them with: what a version is made of is
 * known only here, so the hash is made here (see `version.ts`).
 */
export function withoutVersionHashes(template: Template): Template {
  let text = JSON.stringify(template);
  for (const id of idsOf(template, 'AWS::Lambda::Version')) {
    text = text.replaceAll(`"${id}"`, `"${id.replace(/[0-9a-f]{10}$/, '')}"`);
  }
  return JSON.parse(text) as Template;
}

/**
 * The template with another name wherever it names things by the name of its stack (log groups, the key's alias, the dashboard,
 * the metrics' dimension): two deliveries in one stack must not claim the same names.
 */
export function named(template: Template, name: string): Template {
  const text = JSON.stringify(template)
    .replaceAll('{"Ref":"AWS::StackName"}', JSON.stringify(name))
    .replaceAll('${AWS::StackName}', name);
  return JSON.parse(text) as Template;
}
