import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CfnParameter, Tags, type Stack } from 'aws-cdk-lib';
import type { SetgetDelivery, SetgetDeliveryProps } from '../lib';
import { FUNCTIONS, type FunctionId } from '../lib/settings';
import { idsOf } from '../lib/template';
import { artifacts, deliver, newStack, program, synthesised } from './support';

/** The logical id of each function's version. */
type Versions = Record<FunctionId, string>;

function versionsIn(stack: Stack): Versions {
  const ids = idsOf(synthesised(stack), 'AWS::Lambda::Version');
  assert.equal(ids.length, FUNCTIONS.length);
  return Object.fromEntries(FUNCTIONS.map((id) => [id, ids.find((version) => version.includes(`${id}Version`))])) as Versions;
}

function versionsWith(props: SetgetDeliveryProps, meddle: (delivery: SetgetDelivery) => void = () => undefined): Versions {
  const stack = newStack();
  meddle(deliver(stack, 'Delivery', props));
  return versionsIn(stack);
}

function changed(before: Versions, after: Versions): FunctionId[] {
  return FUNCTIONS.filter((id) => before[id] !== after[id]);
}

for (const asDeployedBySam of [true, false]) {
  const how = `(asDeployedBySam: ${asDeployedBySam})`;
  const before = versionsWith({ asDeployedBySam });

  test(`the same programs are the same versions ${how}`, () => {
    assert.deepEqual(changed(before, versionsWith({ asDeployedBySam })), []);
    assert.deepEqual(changed(before, versionsWith({ asDeployedBySam, artifacts: artifacts('1') })), []);
  });

  test(`a new program is a new version of its function alone ${how}`, () => {
    const folder = artifacts('1');
    writeFileSync(join(folder, 'FanOut', 'bootstrap'), program('arm64', 'FanOut 2'));
    assert.deepEqual(changed(before, versionsWith({ asDeployedBySam, artifacts: folder })), ['FanOut']);
    assert.deepEqual(changed(before, versionsWith({ asDeployedBySam, artifacts: artifacts('2') })), [...FUNCTIONS]);
  });

  test(`a new setting is a new version of the functions that it concerns ${how}`, () => {
    assert.deepEqual(changed(before, versionsWith({ asDeployedBySam, smsRetrySchedule: '1m' })), ['DeliverSms']);
  });
}

test('what is changed after the construct was made counts', () => {
  const before = versionsWith({});
  const after = versionsWith({}, (delivery) => delivery.resource('Sweep').addPropertyOverride('MemorySize', 512));
  assert.deepEqual(changed(before, after), ['Sweep']);
});

test('what a version does not hold makes no new one', () => {
  const before = versionsWith({});
  const after = versionsWith({}, (delivery) => {
    Tags.of(delivery).add('team', 'delivery');
    delivery.resource('Sweep').addPropertyOverride('ReservedConcurrentExecutions', 1);
  });
  assert.deepEqual(changed(before, after), []);
});

test('another text of the same setting makes no new version, which Lambda would refuse', () => {
  const before = versionsWith({ publicBaseUrl: 'https://delivery.example.com' });
  const domain = { domainName: 'delivery.example.com', certificateArn: 'arn:x' };
  const after = versionsWith({ publicBaseUrl: 'https://delivery.example.com', ...domain });
  assert.deepEqual(changed(before, after), []);
  assert.deepEqual(changed(before, versionsWith(domain)), []);
});

test('a setting that is known only at deployment leaves the conditions on it open', () => {
  const versions = (publicBaseUrl: string): Versions => {
    const stack = newStack();
    const domainName = new CfnParameter(stack, 'Domain').valueAsString;
    deliver(stack, 'Delivery', { domainName, certificateArn: 'arn:x', publicBaseUrl });
    return versionsIn(stack);
  };
  assert.ok(changed(versions(''), versions('https://a.example.com')).includes('DeliverSms'));
});
