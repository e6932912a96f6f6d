import { createHash } from 'node:crypto';
import { Lazy, Stack } from 'aws-cdk-lib';
import type { CfnFunction, CfnVersion } from 'aws-cdk-lib/aws-lambda';

/**
 * What a function has that its versions do not: a change of it gives Lambda nothing to publish. From
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html, and as the CDK's own `Function.currentVersion` has it.
 */
const UNVERSIONED = new Set(['CodeSigningConfigArn', 'ReservedConcurrentExecutions', 'Tags', 'TenancyConfig']);

/**
 * Gives a version a new logical id whenever its function's code or configuration changes, so that CloudFormation publishes a new
 * one and moves the alias to it. A version never changes: with the same id, the alias would serve the old code for ever.
 *
 * The hash is made when the stack is synthesised, after aspects and overrides have had their say.
 */
export function followFunction(version: CfnVersion, code: CfnFunction): void {
  const stack = Stack.of(version);
  const base = String(stack.resolve(version.logicalId));
  version.overrideLogicalId(Lazy.uncachedString({ produce: () => base + hashOf(code, stack) }));
}

function hashOf(code: CfnFunction, stack: Stack): string {
  const { Resources } = stack.resolve(code._toCloudFormation()) as { Resources: Record<string, { Properties: object }> };
  const properties = Object.values(Resources).flatMap((resource) => Object.entries(resource.Properties));
  const versioned = properties.filter(([name]) => !UNVERSIONED.has(name));
  return createHash('sha256').update(canonical(Object.fromEntries(versioned))).digest('hex').slice(0, 32);
}

/**
 * JSON with its keys in order, and without substitutions where nothing is substituted, so that equal configurations have equal texts:
 * Lambda refuses to publish a version that equals the last one, and the deployment would fail.
 */
function canonical(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join(',')}]`;
  }
  if (typeof value !== 'object' || value === null) {
    return JSON.stringify(value);
  }
  const { 'Fn::Sub': text } = value as { 'Fn::Sub'?: unknown };
  if (typeof text === 'string' && !text.includes('${')) {
    return JSON.stringify(text);
  }
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}
