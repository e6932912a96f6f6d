import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CfnParameter } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { SetgetDeliveryProps } from '../lib';
import { FUNCTIONS } from '../lib/settings';
import { idsOf, type Template } from '../lib/template';
import { artifacts, collect, deliver, newStack, stackWith, synthesised } from './support';

/** The variables in the text of an `Fn::Sub`, as logical ids. */
function variablesOf(sub: unknown): string[] {
  const [text, own = {}] = (Array.isArray(sub) ? sub : [sub]) as [string, Record<string, unknown>?];
  const names = [...text.matchAll(/\$\{([^!}][^}]*)\}/g)].map((match) => String(match[1]).split('.')[0] ?? '');
  return names.filter((name) => !(name in own));
}

/** The logical ids that a template refers to, by how. */
function references(template: Template): Record<'elements' | 'resources' | 'conditions', string[]> {
  const sections = [template.Resources, template.Outputs, template.Conditions];
  const text = (wanted: string) => (key: string, value: unknown) => (key === wanted && typeof value === 'string' ? value : undefined);
  return {
    elements: [
      ...collect(sections, text('Ref')),
      ...collect(sections, (key, value) => (key === 'Fn::Sub' ? variablesOf(value) : undefined)).flat(),
    ].filter((id) => !id.startsWith('AWS::')),
    resources: [
      ...collect(sections, (key, value) => (key === 'Fn::GetAtt' ? String((value as string[])[0]) : undefined)),
      ...Object.values(template.Resources).flatMap((resource) => (resource.DependsOn ?? []) as string[]),
    ],
    conditions: [
      ...Object.values(template.Resources).flatMap((resource) => (resource.Condition === undefined ? [] : [String(resource.Condition)])),
      ...collect(template.Conditions, text('Condition')),
      ...collect(sections, (key, value) => (key === 'Fn::If' ? String((value as unknown[])[0]) : undefined)),
    ],
  };
}

/** Everything in a stack that is given a name, and by which type. */
function givenNames(template: Template): string[] {
  const properties = ['AlarmName', 'AliasName', 'DashboardName', 'LogGroupName', 'QueueName', 'TableName', 'TopicName', 'RoleName'];
  return Object.values(template.Resources)
    .filter(({ Type: type }) => type !== 'AWS::Lambda::Alias')
    .flatMap(({ Type: type, Properties: given = {} }) =>
      properties.filter((property) => property in given).map((property) => `${type} ${JSON.stringify(given[property])}`),
    );
}

test('two deliveries in one stack have nothing in common', () => {
  const stack = newStack();
  deliver(stack, 'Europe', { brand: 'Europe' });
  deliver(stack, 'Asia', { brand: 'Asia' });
  const template = synthesised(stack);
  const perDelivery = idsOf(template, 'AWS::Lambda::Function').length / 2;
  assert.equal(perDelivery, FUNCTIONS.length);

  const ids = Object.keys(template.Resources);
  assert.deepEqual(ids.filter((id) => !/^(Europe|Asia)/.test(id)), []);
  for (const id of ids.filter((candidate) => candidate.startsWith('Europe'))) {
    assert.ok(!JSON.stringify(template.Resources[id]).includes('Asia'), `${id} has to do with the other delivery`);
  }
  const names = givenNames(template);
  assert.ok(names.length > 10);
  assert.equal(new Set(names).size, names.length, 'a name is given twice');
});

test('all references of two deliveries in one stack lead somewhere', () => {
  const stack = newStack();
  deliver(stack, 'Europe', { domainName: 'eu.example.com', certificateArn: 'arn:x', hostedZoneId: 'Z1' });
  deliver(stack, 'Asia', { domainName: new CfnParameter(stack, 'Domain').valueAsString, certificateArn: 'arn:x' });
  const template = synthesised(stack);
  const { elements, resources, conditions } = references(template);
  assert.ok(elements.length > 200 && resources.length > 100 && conditions.length > 5);
  const known = new Set([...Object.keys(template.Resources), ...Object.keys(template.Parameters)]);
  assert.deepEqual(elements.filter((id) => !known.has(id)), []);
  assert.deepEqual(resources.filter((id) => !(id in template.Resources)), []);
  assert.deepEqual(conditions.filter((id) => !(id in (template.Conditions as object))), []);
});

test('settings become part of the stack, and no parameters of it', () => {
  const stack = stackWith({ brand: 'Acme', slowLaneConcurrency: 7, allowPlainHttp: true });
  const template = synthesised(stack);
  assert.deepEqual(Object.keys(template.Parameters), ['BootstrapVersion']);
  const text = JSON.stringify(template.Resources);
  assert.ok(text.includes('"BRAND":"Acme"'));
  assert.ok(text.includes('"MaximumConcurrency":7'));
  assert.ok(text.includes('"ALLOW_PLAIN_HTTP":"true"'));
  assert.ok(text.includes('"SMS_RETRY_SCHEDULE":"30s,2m,10m"'), 'a setting that was not given has its default');
});

test('a setting can be a parameter of the stack that it is in', () => {
  const stack = newStack();
  const hash = new CfnParameter(stack, 'KeyHash', { noEcho: true });
  const domain = new CfnParameter(stack, 'Domain');
  const settings = { operatorKeyHash: hash.valueAsString, domainName: domain.valueAsString, certificateArn: 'arn:x' };
  deliver(stack, 'Delivery', settings);
  const template = synthesised(stack);
  assert.ok(JSON.stringify(template).includes('"OPERATOR_KEY_HASH":{"Ref":"KeyHash"}'));
  assert.deepEqual(references(template).elements.filter((id) => !(id in template.Resources || id in template.Parameters)), []);
});

test('a setting that breaks a rule of its parameter is refused, by name', () => {
  assert.throws(() => stackWith({ retrySchedule: 'soon' }), /retrySchedule must match/);
  assert.throws(() => stackWith({ retrySchedule: '1m\n' }), /retrySchedule must match/);
  assert.throws(() => stackWith({ logRetentionDays: 0 }), /logRetentionDays must be at least 1/);
  assert.throws(() => stackWith({ logRetentionDays: 3651 }), /logRetentionDays must be at most 3650/);
  assert.throws(() => stackWith({ logRetentionDays: NaN }), /logRetentionDays must be a number/);
  assert.throws(() => stackWith({ functionLogRetentionDays: 2 }), /functionLogRetentionDays must be one of/);
  assert.throws(() => stackWith({ architecture: 'mips' as 'arm64' }), /architecture must be one of/);
  assert.throws(() => stackWith({ allowPlainHttp: 'yes' as unknown as boolean }), /allowPlainHttp must be a boolean/);
});

test('settings that break a rule of the template are refused, with its words', () => {
  assert.throws(() => stackWith({ domainName: 'delivery.example.com' }), /DomainName needs CertificateArn/);
});

test('what the settings leave out is not in the stack', () => {
  const typesWith = (props: SetgetDeliveryProps): Set<string> => {
    const template = synthesised(stackWith(props));
    assert.equal(template.Conditions, undefined, 'settings decide all conditions');
    return new Set(Object.values(template.Resources).map(({ Type: type }) => type));
  };
  const bare = typesWith({});
  assert.ok(!bare.has('AWS::ApiGatewayV2::DomainName') && !bare.has('AWS::Route53::RecordSet'));
  const address = { domainName: 'delivery.example.com', certificateArn: 'arn:x' };
  const withDomain = typesWith(address);
  assert.ok(withDomain.has('AWS::ApiGatewayV2::DomainName') && !withDomain.has('AWS::Route53::RecordSet'));
  assert.ok(typesWith({ ...address, hostedZoneId: 'Z1' }).has('AWS::Route53::RecordSet'));
});

test('names that cannot be, or are not known in time, are refused', () => {
  assert.throws(() => stackWith({ name: 'no spaces' }), /name must be/);
  assert.throws(() => stackWith({ name: '${Token[AWS.StackName.1]}' }), /name must be/);
});

test('a name of one\'s own is used throughout', () => {
  const stack = stackWith({ name: 'payments' });
  const template = synthesised(stack);
  assert.ok(!JSON.stringify(template.Resources).includes('AWS::StackName'));
  assert.ok(givenNames(template).every((name) => name.includes('payments')));
});

test('programs for another processor are refused', () => {
  const intel = artifacts('1', 'x86_64');
  assert.throws(() => stackWith({ artifacts: intel }), /is no Linux program for arm64/);
  synthesised(stackWith({ artifacts: intel, architecture: 'x86_64' }));
});

test('a publisher may send events, and nothing else', () => {
  const stack = newStack();
  const delivery = deliver(stack, 'Delivery');
  const upstream = new Role(stack, 'Upstream', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  delivery.grantPublish(upstream);
  const template = synthesised(stack);
  const [policy, ...others] = idsOf(template, 'AWS::IAM::Policy').map((id) => template.Resources[id]);
  assert.deepEqual(others, []);
  const queue = idsOf(template, 'AWS::SQS::Queue').find((id) => id.includes('EventsQueue'));
  assert.deepEqual((policy?.Properties?.PolicyDocument as { Statement: unknown }).Statement, [
    { Action: 'sqs:SendMessage', Effect: 'Allow', Resource: { 'Fn::GetAtt': [queue, 'Arn'] } },
  ]);
  const { KmsMasterKeyId: key } = template.Resources[String(queue)]?.Properties ?? {};
  assert.equal(key, undefined, 'with a key of ours, publishers would need it too');
});

test('a publisher without a policy of its own is refused, not forgotten', () => {
  const delivery = deliver(newStack(), 'Delivery');
  assert.throws(() => delivery.grantPublish(new ServicePrincipal('events.amazonaws.com')));
});

test('what a stack needs of a delivery is at hand', () => {
  const stack = newStack();
  const delivery = deliver(stack, 'Delivery', { asDeployedBySam: true });
  const reader = new Role(stack, 'Reader', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  delivery.table.grantReadData(reader);
  delivery.functions.Sweep.grantInvoke(reader);
  delivery.alarmTopic.addSubscription(new EmailSubscription('oncall@example.com'));
  assert.deepEqual(stack.resolve(delivery.httpApiId), { Ref: 'HttpApi' });
  assert.ok(JSON.stringify(stack.resolve(delivery.apiUrl)).includes('execute-api'));
  assert.deepEqual(stack.resolve(delivery.eventsQueue.queueArn), { 'Fn::GetAtt': ['EventsQueue', 'Arn'] });

  const template = synthesised(stack);
  const policies = JSON.stringify(idsOf(template, 'AWS::IAM::Policy').map((id) => template.Resources[id]));
  assert.ok(policies.includes('/index/*'), 'the indexes of the table are readable too');
  assert.ok(policies.includes('{"Ref":"SweepAliaslive"}'), 'what serves is invoked');
  const topics = idsOf(template, 'AWS::SNS::Subscription').map((id) => template.Resources[id]?.Properties?.TopicArn);
  assert.deepEqual(topics, [{ Ref: 'AlarmTopic' }, { Ref: 'AlarmTopic' }]);
});
