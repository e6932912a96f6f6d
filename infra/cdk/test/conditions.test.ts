import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decided, type Values } from '../lib/conditions';
import type { Template } from '../lib/template';

const PARAMETERS = ['A', 'B', 'C'];

/** Whether a parameter is "yes". */
function is(parameter: string): object {
  return { 'Fn::Equals': [{ Ref: parameter }, 'yes'] };
}

/** A template with one condition, and something that hangs on it in every way that there is. */
function hangingOn(condition: object, others: object = {}): Template {
  return {
    Description: '',
    Parameters: {},
    Conditions: { ...others, It: condition },
    Resources: {
      Guarded: { Type: 'T', Condition: 'It' },
      Always: { Type: 'T', DependsOn: ['Guarded', 'Other'], Properties: { P: { 'Fn::If': ['It', ['met'], { Ref: 'AWS::NoValue' }] } } },
      Other: { Type: 'T' },
    },
    Outputs: { Guarded: { Condition: 'It', Value: 1 } },
  };
}

test('a condition that is met leaves what hangs on it, as if there were none', () => {
  assert.deepEqual(decided(hangingOn(is('A')), { A: 'yes' }), {
    Description: '',
    Parameters: {},
    Resources: {
      Guarded: { Type: 'T' },
      Always: { Type: 'T', DependsOn: ['Guarded', 'Other'], Properties: { P: ['met'] } },
      Other: { Type: 'T' },
    },
    Outputs: { Guarded: { Value: 1 } },
  });
});

test('a condition that is not met takes with it what hangs on it', () => {
  assert.deepEqual(decided(hangingOn(is('A')), { A: 'no' }), {
    Description: '',
    Parameters: {},
    Resources: {
      Always: { Type: 'T', DependsOn: ['Other'], Properties: { P: { Ref: 'AWS::NoValue' } } },
      Other: { Type: 'T' },
    },
    Outputs: {},
  });
});

test('a condition that only the deployment decides stays, and all that hangs on it', () => {
  const template = hangingOn(is('A'));
  assert.deepEqual(decided(template, {}), template);
  assert.deepEqual(decided(template, { A: '${Token[A.1]}' }), template);
});

test('numbers equal their texts', () => {
  const template = hangingOn({ 'Fn::Equals': [{ Ref: 'A' }, '7'] });
  assert.ok('Guarded' in decided(template, { A: 7 }).Resources);
  assert.ok(!('Guarded' in decided(template, { A: 8 }).Resources));
});

test('a rule is checked as soon as it can be', () => {
  const rule = { RuleCondition: is('A'), Assertions: [{ Assert: is('B'), AssertDescription: 'A needs B.' }] };
  const template: Template = { ...hangingOn(is('C')), Rules: { Rule: rule } };
  assert.throws(() => decided(template, { A: 'yes', B: 'no' }), /^Error: A needs B\.$/);
  for (const values of [{ A: 'no' }, { B: 'yes' }, { A: 'yes', B: 'yes' }]) {
    assert.equal(decided(template, values).Rules, undefined, JSON.stringify(values));
  }
  const open: Values[] = [{}, { A: 'yes' }, { B: 'no' }];
  for (const values of open) {
    assert.deepEqual(decided(template, values).Rules, { Rule: rule }, JSON.stringify(values));
  }
});

/** Numbers below `limit`, the same in each run: https://en.wikipedia.org/wiki/Linear_congruential_generator */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

function randomExpression(below: (limit: number) => number, depth: number, named: string[]): object {
  const operands = (): object[] => Array.from({ length: 2 + below(2) }, () => randomExpression(below, depth - 1, named));
  switch (depth === 0 ? below(2) : below(5)) {
    case 0:
      return is(PARAMETERS[below(PARAMETERS.length)] ?? 'A');
    case 1:
      return named.length === 0 ? is('A') : { Condition: named[below(named.length)] };
    case 2:
      return { 'Fn::Not': [randomExpression(below, depth - 1, named)] };
    case 3:
      return { 'Fn::And': operands() };
    default:
      return { 'Fn::Or': operands() };
  }
}

/** What CloudFormation makes of an expression. */
function truth(expression: unknown, conditions: Record<string, unknown>, values: Values): boolean {
  const [operator, operands] = Object.entries(expression as object)[0] as [string, never];
  const each = (): boolean[] => (operands as unknown[]).map((operand) => truth(operand, conditions, values));
  switch (operator) {
    case 'Condition':
      return truth(conditions[operands], conditions, values);
    case 'Fn::Equals':
      return values[(operands[0] as { Ref: string }).Ref] === operands[1];
    case 'Fn::Not':
      return !each()[0];
    case 'Fn::And':
      return each().every(Boolean);
    default:
      return each().some(Boolean);
  }
}

test('whatever is known early, the deployment comes to the same', () => {
  for (let seed = 0; seed < 2000; seed += 1) {
    const below = numbers(seed);
    const first = randomExpression(below, 2, []);
    const template = hangingOn(randomExpression(below, 3, ['First']), { First: first });
    const all = Object.fromEntries(PARAMETERS.map((name) => [name, below(2) === 0 ? 'yes' : 'no']));
    const early = Object.fromEntries(Object.entries(all).filter(() => below(2) === 0));

    const { Conditions: left = {}, Resources: resources } = decided(template, early) as Template & { Conditions?: Record<string, unknown> };
    const { Conditions: original } = template as Template & { Conditions: Record<string, unknown> };
    const { Guarded: guarded } = resources;
    const made = guarded !== undefined && (guarded.Condition === undefined || truth({ Condition: guarded.Condition }, left, all));
    assert.equal(made, truth({ Condition: 'It' }, original, all), `seed ${seed}`);
    assert.deepEqual(Object.keys(decided(template, all)).includes('Conditions'), false, `seed ${seed}`);
  }
});
