import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Stack } from 'aws-cdk-lib';
import { deliveryApp } from '../app/app';
import { FUNCTIONS } from '../lib/settings';
import { idsOf, loadTemplate, withoutVersionHashes, type Resource, type Template } from '../lib/template';
import { appProps, ARTIFACTS, cdkSynth, newFolder, PACKAGE, synthesised } from './support';

const MAIN = join(PACKAGE, 'dist', 'app', 'main.js');

/** What the CDK adds to every stack: it refuses to be deployed where the CDK is not set up. */
const OF_THE_CDK = { Parameters: 'BootstrapVersion', Rules: 'CheckBootstrapVersion' };

const app = deliveryApp(appProps({ artifacts: ARTIFACTS }));
const stack = app.node.findChild('setget-delivery') as Stack;
const made = synthesised(stack);
const sam = withoutVersionHashes(loadTemplate());

/** The synthesised template with the ids of versions as {@link withoutVersionHashes} leaves them. */
function withPlainVersions(template: Template): Template {
  let text = JSON.stringify(template);
  for (const id of idsOf(template, 'AWS::Lambda::Version')) {
    assert.match(id, /Version[0-9a-f]{32}$/);
    text = text.replaceAll(`"${id}"`, `"${id.slice(0, -32)}"`);
  }
  return JSON.parse(text) as Template;
}

/** A resource of the template with all that may differ: where the code is, and that a version is kept whatever replaces it. */
function asTheCdkHasIt(resource: Resource, counterpart: Resource | undefined): Resource {
  switch (resource.Type) {
    case 'AWS::Lambda::Function':
      return { ...resource, Properties: { ...resource.Properties, Code: counterpart?.Properties?.Code } };
    case 'AWS::Lambda::Version':
      return { ...resource, UpdateReplacePolicy: 'Retain' };
    default:
      return resource;
  }
}

test('the stack has the resources of the template, each as it is there', () => {
  const { Resources: actual } = withPlainVersions(made);
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(sam.Resources).sort());
  for (const [id, resource] of Object.entries(sam.Resources)) {
    assert.deepEqual(actual[id], asTheCdkHasIt(resource, actual[id]), id);
  }
});

test('the other sections are those of the template, and what the CDK adds', () => {
  const { Resources: _, ...actual } = withPlainVersions(made);
  const { Resources: __, ...expected } = sam;
  for (const [section, id] of Object.entries(OF_THE_CDK)) {
    const entries = actual[section] as Record<string, unknown>;
    assert.ok(id in entries);
    delete entries[id];
  }
  assert.deepEqual(actual, expected);
});

test('the code of each function is its program, uploaded by the CDK', () => {
  const assets = readFileSync(join(app.outdir, 'setget-delivery.assets.json'), 'utf8');
  const { files } = JSON.parse(assets) as { files: Record<string, { source: { path: string; packaging: string } }> };
  for (const id of FUNCTIONS) {
    const { S3Key: key } = made.Resources[id]?.Properties?.Code as { S3Key: string };
    const { path, packaging } = Object.values(files).find(({ source }) => `${source.path}.zip` === `asset.${key}`)?.source ?? {};
    assert.equal(packaging, 'zip', id);
    const uploaded = readFileSync(join(app.outdir, String(path), 'bootstrap'));
    assert.deepEqual(uploaded, readFileSync(join(ARTIFACTS, id, 'bootstrap')), id);
  }
});

test('the aliases move by canary, to the versions that follow the code', () => {
  for (const id of FUNCTIONS) {
    const alias = made.Resources[`${id}Aliaslive`];
    const [version] = (alias?.Properties?.FunctionVersion as { 'Fn::GetAtt': [string, string] })['Fn::GetAtt'];
    assert.deepEqual(made.Resources[version]?.Properties?.FunctionName, { Ref: id });
    assert.ok(JSON.stringify(alias?.UpdatePolicy).includes(`"${id}DeploymentGroup"`), id);
  }
});

test('the command line makes the same stack, without an account', () => {
  const output = newFolder();
  const { status, stderr } = cdkSynth(MAIN, output);
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(readFileSync(join(output, 'setget-delivery.template.json'), 'utf8')), made);
  const { pluginReports } = JSON.parse(readFileSync(join(output, 'validation-report.json'), 'utf8')) as { pluginReports: unknown[] };
  assert.deepEqual(pluginReports, [], 'the rules of CloudFormation find nothing');
});

test('without programs, it is said what to do', () => {
  assert.throws(() => deliveryApp(appProps({ artifacts: '/nowhere' })), /AdminApi\/bootstrap is missing: run `sam build`/);
});
