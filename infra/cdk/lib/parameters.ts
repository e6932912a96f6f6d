import { Token } from 'aws-cdk-lib';
import type { DeliverySettings } from './settings';
import type { Parameter, Template } from './template';

/** A setting's value: of the template's parameter of that name. */
export type Setting = string | number | boolean;

/** What kind of value a parameter takes. CloudFormation has no booleans; it is told "true" and "false". */
export function kindOf(parameter: Parameter): 'boolean' | 'number' | 'string' {
  if (parameter.Type === 'Number') {
    return 'number';
  }
  const values = [...(parameter.AllowedValues ?? [])].sort();
  return values.length === 2 && values[0] === 'false' && values[1] === 'true' ? 'boolean' : 'string';
}

/** The name of a parameter's setting: `publicBaseUrl` for `PublicBaseUrl`. */
export function settingOf(parameter: string): string {
  return parameter.charAt(0).toLowerCase() + parameter.slice(1);
}

/**
 * The values of the parameters that have a setting.
 *
 * CloudFormation checks values of parameters only; these become part of the template, so the same rules are applied here. Values
 * that are known only at deployment (tokens) cannot be checked.
 *
 * @throws if a value breaks a rule of its parameter
 */
export function givenValues(template: Template, settings: DeliverySettings): Record<string, string | number> {
  const values: Record<string, string | number> = {};
  for (const [name, parameter] of Object.entries(template.Parameters)) {
    const value = (settings as Readonly<Record<string, Setting | undefined>>)[settingOf(name)];
    if (value === undefined) {
      continue;
    }
    const problem = Token.isUnresolved(value) ? undefined : problemWith(value, parameter);
    if (problem !== undefined) {
      throw new Error(`${settingOf(name)} ${problem}. ${parameter.Description}`);
    }
    values[name] = typeof value === 'boolean' ? String(value) : value;
  }
  return values;
}

/** The parameters' defaults. */
export function defaultValues(template: Template): Record<string, string | number> {
  return Object.fromEntries(Object.entries(template.Parameters).map(([name, parameter]) => [name, parameter.Default]));
}

function problemWith(value: Setting, parameter: Parameter): string | undefined {
  if (typeof value !== kindOf(parameter)) {
    return `must be a ${kindOf(parameter)}`;
  }
  const { AllowedValues: allowed } = parameter;
  if (allowed && !allowed.map(String).includes(String(value))) {
    return `must be one of ${allowed.join(', ')}`;
  }
  return typeof value === 'number' ? problemWithNumber(value, parameter) : problemWithText(String(value), parameter);
}

function problemWithNumber(value: number, { MinValue: least = -Infinity, MaxValue: most = Infinity }: Parameter): string | undefined {
  if (Number.isNaN(value)) {
    return 'must be a number';
  }
  if (value < least) {
    return `must be at least ${least}`;
  }
  return value > most ? `must be at most ${most}` : undefined;
}

function problemWithText(value: string, parameter: Parameter): string | undefined {
  const { AllowedPattern: pattern, MinLength: least = 0, MaxLength: most = Infinity } = parameter;
  if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(value)) {
    return `must match ${pattern}`;
  }
  if (value.length < least) {
    return `must have at least ${least} characters`;
  }
  return value.length > most ? `must have at most ${most} characters` : undefined;
}
