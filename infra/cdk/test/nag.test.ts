import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type App, Aspects } from 'aws-cdk-lib';
import type { CfnRole } from 'aws-cdk-lib/aws-iam';
import type { CfnQueue, CfnQueuePolicy } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks, type INagLogger, type NagLoggerBaseData } from 'cdk-nag';
import type { SetgetDelivery } from '../lib';
import { loadTemplate } from '../lib/template';
import { cdkSynth, deliver, newFolder, newStack, PACKAGE } from './support';

/** What cdk-nag says of a stack with a delivery: "rule resource" each. */
interface Verdict {
  readonly findings: string[];
  readonly suppressed: string[];
}

function verdictOn(asDeployedBySam: boolean, meddle: (delivery: SetgetDelivery) => void = () => undefined): Verdict {
  const findings: string[] = [];
  const suppressed: string[] = [];
  const name = ({ ruleId, resource }: NagLoggerBaseData): string => `${ruleId} ${resource.node.id}`;
  const logger: INagLogger = {
    onCompliance: () => undefined,
    onNotApplicable: () => undefined,
    onSuppressedError: (data) => findings.push(name(data)),
    onNonCompliance: (data) => findings.push(name(data)),
    onError: (data) => findings.push(name(data)),
    onSuppressed: (data) => suppressed.push(name(data)),
  };
  const stack = newStack();
  meddle(deliver(stack, 'Delivery', { asDeployedBySam }));
  const app = stack.node.root as App;
  Aspects.of(app).add(new AwsSolutionsChecks({ reports: false, additionalLoggers: [logger] }));
  app.synth();
  return { findings, suppressed };
}

for (const asDeployedBySam of [true, false]) {
  test(`cdk-nag finds nothing, neither errors nor warnings (asDeployedBySam: ${asDeployedBySam})`, () => {
    assert.deepEqual(verdictOn(asDeployedBySam).findings, []);
  });
}

test('each suppression in the template suppresses something, and says why', () => {
  const { suppressed } = verdictOn(true);
  for (const [id, resource] of Object.entries(loadTemplate().Resources)) {
    const metadata = resource.Metadata as { cdk_nag?: { rules_to_suppress: Array<{ id: string; reason: string }> } } | undefined;
    for (const suppression of metadata?.cdk_nag?.rules_to_suppress ?? []) {
      assert.ok(suppressed.includes(`${suppression.id} ${id}`), `${suppression.id} on ${id} is not needed`);
      assert.ok(suppression.reason.includes(' '), `${suppression.id} on ${id} has no reason`);
    }
  }
});

test('cdk-nag would find a queue that takes requests without TLS', () => {
  const { findings } = verdictOn(true, (delivery) => {
    const policy = delivery.resource<CfnQueuePolicy>('QueuesOverTlsOnly');
    policy.queues = policy.queues.filter((queue) => queue !== delivery.resource<CfnQueue>('SmsQueue').ref);
  });
  assert.deepEqual(findings, ['AwsSolutions-SQS4 SmsQueue']);
});

test('cdk-nag would find a managed policy on a role', () => {
  const { findings } = verdictOn(false, (delivery) => {
    delivery.resource<CfnRole>('SweepRole').managedPolicyArns = ['arn:aws:iam::aws:policy/AdministratorAccess'];
  });
  assert.deepEqual(findings, ['AwsSolutions-IAM4 SweepRole']);
});

test('a finding makes `cdk synth` fail', () => {
  const program = join(newFolder(), 'app.js');
  writeFileSync(
    program,
    `const { deliveryApp } = require(${JSON.stringify(join(PACKAGE, 'dist', 'app', 'app.js'))});
     const { CfnQueue } = require(${JSON.stringify(require.resolve('aws-cdk-lib/aws-sqs'))});
     const app = deliveryApp();
     new CfnQueue(app.node.findChild('setget-delivery'), 'Planted');`,
  );
  const { status, stderr } = cdkSynth(program);
  assert.equal(status, 1);
  assert.match(stderr, /AwsSolutions-SQS4/);
});
