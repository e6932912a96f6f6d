import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { transpileModule } from 'typescript';
import type { Template } from '../lib/template';
import { cdkSynth, newFolder, PACKAGE } from './support';

/** The program that the README shows, on this package as it is here. */
function example(): string {
  const [, source = ''] = /```ts\n([^]*?)```/.exec(readFileSync(join(PACKAGE, 'README.md'), 'utf8')) ?? [];
  const here = source.replace("'setget-delivery-cdk'", JSON.stringify(join(PACKAGE, 'dist', 'lib')));
  assert.notEqual(here, source);
  const program = join(PACKAGE, 'dist', 'test', 'example.js');
  writeFileSync(program, transpileModule(here, {}).outputText);
  return program;
}

test('the example of the README is a stack that CloudFormation would take', () => {
  const output = newFolder();
  const { status, stderr } = cdkSynth(example(), output);
  assert.equal(status, 0, stderr);
  const template = JSON.parse(readFileSync(join(output, 'Tracker.template.json'), 'utf8')) as Template;
  assert.ok(JSON.stringify(template.Resources).includes('"PUBLIC_BASE_URL":"https://delivery.example.com"'));
  const { pluginReports } = JSON.parse(readFileSync(join(output, 'validation-report.json'), 'utf8')) as { pluginReports: unknown[] };
  assert.deepEqual(pluginReports, [], 'the rules of CloudFormation find nothing');
});
