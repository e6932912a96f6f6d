import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf, settingOf } from '../lib/parameters';
import { idsOf, TEMPLATE_FILE, type Parameter, type Template } from '../lib/template';

const PACKAGE = join(__dirname, '..', '..');

/** The typed settings, made from the template's parameters. */
export const SETTINGS_FILE = join(PACKAGE, 'lib', 'settings.ts');

/** `template.yaml` as plain CloudFormation, by the SAM transform's own code, which the Python named by `ORACLE_PYTHON` must have. */
export function translated(): string {
  const translator = join(PACKAGE, '..', 'cloud', 'translate.py');
  return execFileSync(process.env.ORACLE_PYTHON ?? 'python3', [translator], { encoding: 'utf8', maxBuffer: 64 << 20, stdio: 'pipe' });
}

/** The source of {@link SETTINGS_FILE} for a template. */
export function settingsSource(template: Template): string {
  const settings = Object.entries(template.Parameters).map(([name, parameter]) => settingSource(name, parameter));
  const functions = idsOf(template, 'AWS::Lambda::Function').map((id) => `'${id}'`);
  return `// Made from template.yaml by \`npm run template\`. Changes belong there.

/** The settings of a delivery: the parameters of \`template.yaml\`. One that is not given has the template's default. */
export interface DeliverySettings {
${settings.join('\n\n')}
}

/** The functions, by logical id. */
export const FUNCTIONS = [${functions.join(', ')}] as const;

/** The logical id of a function. */
export type FunctionId = (typeof FUNCTIONS)[number];

/** The functions' alias: what routes, queues and schedules call. */
export const ALIAS = '${aliasOf(template)}';
`;
}

function settingSource(name: string, parameter: Parameter): string {
  const notes = [parameter.Description, ...rulesOf(parameter), `@default ${JSON.stringify(parameter.Default)}`];
  const lines = notes.map((note) => `   * ${note.replaceAll('*/', '*\\/')}`);
  return `  /**\n${lines.join('\n')}\n   */\n  readonly ${settingOf(name)}?: ${typeOf(parameter)};`;
}

function typeOf(parameter: Parameter): string {
  const kind = kindOf(parameter);
  const values = kind === 'string' ? parameter.AllowedValues : undefined;
  return values?.map((value) => `'${value}'`).join(' | ') ?? kind;
}

function rulesOf(parameter: Parameter): string[] {
  const { AllowedPattern: pattern, AllowedValues: values, MinValue: least, MaxValue: most } = parameter;
  return [
    pattern === undefined ? '' : `Pattern: \`${pattern}\`.`,
    kindOf(parameter) === 'number' && values ? `One of ${values.join(', ')}.` : '',
    least === undefined ? '' : `At least ${least}.`,
    most === undefined ? '' : `At most ${most}.`,
    parameter.NoEcho ? 'Becomes part of the template; a `CfnParameter` with `noEcho` keeps it out.' : '',
  ].filter((rule) => rule !== '');
}

function aliasOf(template: Template): string {
  const names = new Set(idsOf(template, 'AWS::Lambda::Alias').map((id) => String(template.Resources[id]?.Properties?.Name)));
  const [name, ...others] = names;
  if (name === undefined || others.length > 0) {
    throw new Error(`the functions' aliases must have one name, not ${[...names].join(', ')}`);
  }
  return name;
}

if (require.main === module) {
  const template = translated();
  writeFileSync(TEMPLATE_FILE, template);
  writeFileSync(SETTINGS_FILE, settingsSource(JSON.parse(template) as Template));
}
